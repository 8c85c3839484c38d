"""From a placed case to a pool of instances that are loaded, bound, proved and warm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from r50bench.case import Case
from r50bench.engines.evidence.judge import count_kernels, judge
from r50bench.engines.evidence.layer_match import executed_gop_per_image
from r50bench.errors import EngineError
from r50bench.measure.bench import Bench
from r50bench.measure.inputs import Ingredients
from r50bench.measure.occupancy import occupy
from r50bench.measure.pool import Pool
from r50bench.measure.protocol import Loaded, LoadEngine, Observed, ObserveKernels, Warmed, WarmUp
from r50bench.measure.record_draft import Draft, PlannedCase
from r50bench.measure.worker_answers import check_affinity, unbound, worker_reports
from r50bench.measure.worker_plans import worker_plans
from r50bench.progress import Progress
from r50bench.results.atomic import write_atomically

__all__ = ["soon", "warm_pool"]

_START_LEAD_NS = 20_000_000
_LOAD_PATIENCE = 10


def soon() -> int:
    """Returns the instant, on CLOCK_MONOTONIC, at which all instances can start together."""
    return time.perf_counter_ns() + _START_LEAD_NS


@contextmanager
def warm_pool(
    planned: PlannedCase, bench: Bench, ingredients: Ingredients, draft: Draft, folder: Path
) -> Iterator[Pool]:
    """Gives a pool ready to be measured, noting in ``draft`` what each phase finds.

    Raises:
        EngineError: other kernels ran than the precision claims.
        WorkerFailed: a worker died, hung, or does not run where it should.
    """
    case, placement, progress = planned.case, planned.placement, bench.progress
    plans = worker_plans(
        case,
        placement,
        ingredients.engine,
        ingredients.feed,
        bind_memory=len({core.node for core in bench.host.cores}) > 1,
        pictures=len(ingredients.labels),
    )
    with (
        occupy(cpu for slot in placement.slots for cpu in slot.cpus) as others,
        Pool(plans, ingredients.environment, folder, progress, timeout_s=case.timeout_s) as pool,
    ):
        draft.warn(others(), progress)
        if placement.leftover:
            cores = ", ".join(str(cpu) for cpu in placement.leftover)
            progress.note(f"cores in no instance: CPU {cores}")
        progress.phase(f"{draft.name}  loading")
        loaded = pool.ask(LoadEngine(), Loaded, timeout_s=_LOAD_PATIENCE * case.timeout_s)
        draft.fields["engine"] = replace(ingredients.engine_info, version=loaded[0].engine_version)
        check_affinity(plans, loaded)
        draft.warn(unbound(plans, loaded), progress)
        _prove(pool, ingredients, draft, folder, verbose=case.verbose)
        warmed = _warm_up(pool, case, draft, progress)
        draft.fields["workers"] = worker_reports(plans, pool.pids, loaded, warmed)
        yield pool
        # A run that came later disturbed this one all the same.
        draft.warn(others(), progress)


def _prove(
    pool: Pool, ingredients: Ingredients, draft: Draft, folder: Path, *, verbose: bool
) -> None:
    observed = pool.ask(ObserveKernels(), Observed)
    if verbose:
        for number, answer in enumerate(observed):
            write_atomically(folder / f"onednn-verbose-{number}.log", answer.log.encode())
    engine = ingredients.engine
    for answer in observed:
        evidence = replace(
            judge(count_kernels(answer.log), engine),
            gop_per_image=executed_gop_per_image(answer.log, engine.graph, engine.batch_size),
        )
        draft.fields["evidence"] = evidence
        if not evidence.proved:
            raise EngineError(
                f"{engine.precision} is not what ran: {evidence.summary}",
                hint=f"expected {evidence.expected}; VERBOSE=1 keeps the full kernel log",
            )


def _warm_up(pool: Pool, case: Case, draft: Draft, progress: Progress) -> list[Warmed]:
    if case.warmup_steps:
        progress.phase(f"{draft.name}  warm-up", case.warmup_steps * case.instances)
    return pool.ask(WarmUp(soon()), Warmed)
