"""One case executed once: ingredients, pool, evidence, warm-up, measured rounds, record."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from r50bench import __version__
from r50bench.case import Case
from r50bench.engines.evidence import count_kernels, judge
from r50bench.errors import EngineError, RunFailed, WorkerFailed
from r50bench.host.defaults import EffectiveCase
from r50bench.host.doctor import examine
from r50bench.host.placement import Placement
from r50bench.host.snapshot import snapshot
from r50bench.host.topology import Host
from r50bench.measure.answers import check_affinity, predictions_of, samples_of, worker_reports
from r50bench.measure.ingredients import Ingredients, gather
from r50bench.measure.occupancy import occupy
from r50bench.measure.plans import worker_plans
from r50bench.measure.pool import Pool
from r50bench.measure.protocol import (
    Load,
    Loaded,
    Measure,
    Measured,
    Observe,
    Observed,
    Predicted,
    Score,
    Warmed,
    WarmUp,
)
from r50bench.measure.provisions import Provisions
from r50bench.measure.run_folder import RunFolder
from r50bench.progress import Progress
from r50bench.results.predictions import Predictions, write_predictions
from r50bench.results.record import Accuracy, Record, new_record_id, write_record
from r50bench.results.samples import SAMPLES_FILE, Samples, write_samples
from r50bench.results.timeline import windows

__all__ = ["Outcome", "PlannedCase", "run_session"]

_START_LEAD_NS = 20_000_000
_LOAD_PATIENCE = 10


@dataclass(frozen=True)
class PlannedCase:
    """An effective case and where its instances go."""

    effective: EffectiveCase
    placement: Placement

    @property
    def case(self) -> Case:
        """The case itself."""
        return self.effective.case


@dataclass(frozen=True)
class Outcome:
    """What a session left behind. ``error`` is None for a valid record."""

    folder: Path
    record: Record
    samples: Samples | None
    error: RunFailed | None


class _Draft:
    """The record while it is being found out: what is known so far, valid or not."""

    def __init__(self, planned: PlannedCase, host: Host, ingredients: Ingredients) -> None:
        now = datetime.now(timezone.utc)
        self.id = new_record_id(planned.case.name, now)
        self.samples: Samples | None = None
        self.predictions: Predictions | None = None
        self.warnings = [
            *planned.effective.notes,
            *ingredients.warnings,
            *(f"{finding.text}. {finding.mend}" for finding in examine(host)),
        ]
        self.fields: dict[str, Any] = {
            "id": self.id,
            "created": now.isoformat(timespec="seconds"),
            "r50bench_version": __version__,
            "case": planned.case,
            "request": planned.effective.request,
            "host": snapshot(host),
            "placement": planned.placement,
            "model": ingredients.model,
            "data": ingredients.data,
            "engine": ingredients.engine_info,
        }

    def write(self, folder: Path, error: RunFailed | None) -> Record:
        """Writes samples, predictions and last the record, which vouches for them."""
        if self.samples is not None:
            self.fields["samples_sha256"] = write_samples(self.samples, folder / SAMPLES_FILE)
        if self.predictions is not None:
            write_predictions(self.predictions, folder / "predictions.csv")
            self.fields["accuracy"] = Accuracy(*self.predictions.counts())
        record = Record(
            **self.fields,
            status="invalid" if error else "valid",
            reason=error.message if error else None,
            warnings=tuple(self.warnings),
        )
        write_record(record, folder)
        return record


def run_session(
    planned: PlannedCase,
    host: Host,
    provisions: Provisions,
    out: Path,
    progress: Progress,
    finish: Callable[[Record, Samples | None, Path], None],
) -> Outcome:
    """Runs one case and leaves its record below ``out``.

    ``finish`` is given record, samples and folder before the folder takes its final name.

    Raises:
        AssetError, EngineError, Unsupported: the run could not start; nothing is left behind.
        UsageError: ``out`` cannot be written.
    """
    ingredients = gather(planned.case, host, provisions, progress)
    for warning in ingredients.warnings:
        progress.warn(warning)
    draft = _Draft(planned, host, ingredients)
    with RunFolder(out, draft.id) as folder:
        error: RunFailed | None = None
        try:
            _execute(planned, host, ingredients, draft, folder.path, progress)
        except RunFailed as failure:
            error = failure
        record = draft.write(folder.path, error)
        finish(record, draft.samples, folder.path)
        return Outcome(folder.keep(), record, draft.samples, error)


def _execute(
    planned: PlannedCase,
    host: Host,
    ingredients: Ingredients,
    draft: _Draft,
    folder: Path,
    progress: Progress,
) -> None:
    """Runs the pool through its phases, noting in ``draft`` what each finds."""
    case, placement = planned.case, planned.placement
    plans = worker_plans(
        case,
        placement,
        ingredients.engine,
        ingredients.feed,
        bind_memory=len({core.node for core in host.cores}) > 1,
        pictures=len(ingredients.labels) if case.mode == "accuracy" else 0,
    )
    with (
        occupy(cpu for slot in placement.slots for cpu in slot.cpus) as others,
        Pool(plans, ingredients.environment, folder, progress, timeout_s=case.timeout_s) as pool,
    ):
        for sentence in others:
            progress.warn(sentence)
        draft.warnings += others
        progress.phase(f"{case.name}  loading")
        loaded = pool.ask(Load(), Loaded, timeout_s=_LOAD_PATIENCE * case.timeout_s)
        draft.fields["engine"] = replace(ingredients.engine_info, version=loaded[0].engine_version)
        check_affinity(plans, loaded)
        _prove(pool, ingredients, draft, folder, verbose=case.verbose)
        warmed = _warm_up(pool, case, progress)
        draft.fields["workers"] = worker_reports(plans, pool.pids, loaded, warmed)
        if case.mode == "accuracy":
            _score(pool, case, ingredients, draft, progress)
        else:
            _measure(pool, case, draft, progress)


def _prove(
    pool: Pool, ingredients: Ingredients, draft: _Draft, folder: Path, *, verbose: bool
) -> None:
    observed = pool.ask(Observe(), Observed)
    if verbose:
        for number, answer in enumerate(observed):
            (folder / f"onednn-verbose-{number}.log").write_text(answer.log)
    engine = ingredients.engine
    for answer in observed:
        evidence = judge(count_kernels(answer.log), engine)
        draft.fields["evidence"] = evidence
        if not evidence.proved:
            raise EngineError(
                f"{engine.precision} is not what ran: {evidence.summary}",
                hint=f"expected {evidence.expected}; VERBOSE=1 keeps the full kernel log",
            )


def _soon() -> int:
    return time.perf_counter_ns() + _START_LEAD_NS


def _warm_up(pool: Pool, case: Case, progress: Progress) -> list[Warmed]:
    if case.warmup_steps:
        progress.phase(f"{case.name}  warm-up", case.warmup_steps * case.instances)
    return pool.ask(WarmUp(_soon()), Warmed)


def _measure(pool: Pool, case: Case, draft: _Draft, progress: Progress) -> None:
    assert case.steps is not None
    rounds = []
    for number in range(case.repeat):
        title = f"{case.name}  measuring"
        if case.repeat > 1:
            title += f", round {number + 1} of {case.repeat}"
        progress.phase(title, case.steps * case.instances)
        rounds.append(pool.ask(Measure(_soon()), Measured))
    samples = samples_of(rounds, case.batch_size, case.steps)
    if windows(samples) is None:
        raise WorkerFailed(
            "the instances never ran at the same time: the first was done before the last began",
            hint="more --steps make the window longer than the machine's hiccups",
        )
    draft.samples = samples


def _score(
    pool: Pool, case: Case, ingredients: Ingredients, draft: _Draft, progress: Progress
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
