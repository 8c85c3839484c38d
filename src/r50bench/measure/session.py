"""One case executed once: ingredients, pool, evidence, warm-up, measured rounds, record."""

from __future__ import annotations

from pathlib import Path

from r50bench.case import Case
from r50bench.errors import WorkerFailed
from r50bench.host.doctor import examine
from r50bench.host.topology import Host
from r50bench.measure.answers import predictions_of, samples_of
from r50bench.measure.draft import Draft, Finish, Outcome, PlannedCase, keep_record
from r50bench.measure.ingredients import Ingredients, gather
from r50bench.measure.pool import Pool
from r50bench.measure.protocol import Measure, Measured, Predicted, Score
from r50bench.measure.provisions import Provisions
from r50bench.measure.warm_pool import soon, warm_pool
from r50bench.progress import Progress
from r50bench.results.timeline import windows

__all__ = ["Outcome", "PlannedCase", "run_session"]


def run_session(
    planned: PlannedCase,
    host: Host,
    provisions: Provisions,
    out: Path,
    progress: Progress,
    finish: Finish,
) -> Outcome:
    """Runs one case and leaves its record below ``out``.

    ``finish`` is given record, samples and folder before the folder takes its final name.

    Raises:
        AssetError, EngineError, Unsupported: the run could not start; nothing is left behind.
        UsageError: ``out`` cannot be written.
    """
    case = planned.case
    findings = examine(host)
    ingredients = gather(case, host, provisions, progress)
    draft = Draft(planned, host, ingredients, case.name, findings)

    def work(folder: Path) -> None:
        with warm_pool(planned, host, ingredients, draft, folder, progress) as pool:
            if case.mode == "accuracy":
                _score(pool, case, ingredients, draft, progress)
            else:
                _measure(pool, case, draft, progress)

    return keep_record(draft, out, work, finish)


def _measure(pool: Pool, case: Case, draft: Draft, progress: Progress) -> None:
    assert case.steps is not None
    rounds = []
    for number in range(case.repeat):
        title = f"{case.name}  measuring"
        if case.repeat > 1:
            title += f", round {number + 1} of {case.repeat}"
        progress.phase(title, case.steps * case.instances)
        rounds.append(pool.ask(Measure(soon()), Measured))
    samples = samples_of(rounds, case.batch_size, case.steps)
    if windows(samples) is None:
        raise WorkerFailed(
            "the instances never ran at the same time: the first was done before the last began",
            hint="more --steps make the window longer than the machine's hiccups",
        )
    draft.samples = samples


def _score(
    pool: Pool, case: Case, ingredients: Ingredients, draft: Draft, progress: Progress
) -> None:
    batches = sum(
        -(
            -(
                len(ingredients.labels) * (at + 1) // case.instances
                - len(ingredients.labels) * at // case.instances
            )
            // case.batch_size
        )
        for at in range(case.instances)
    )
    progress.phase(f"{case.name}  scoring", batches)
    answers = pool.ask(Score(), Predicted)
    draft.predictions = predictions_of(answers, ingredients.names, ingredients.labels)
