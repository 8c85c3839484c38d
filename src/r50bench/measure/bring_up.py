"""From a planned case to a pool of instances that are loaded, bound, proved and warm."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from r50bench.case import Case, Placement, Slot
from r50bench.engines.base import EngineSpec
from r50bench.engines.environment import gpu_variables
from r50bench.engines.registry import ENGINES
from r50bench.errors import EngineError, WorkerFailed
from r50bench.host.occupancy import occupy
from r50bench.host.topology import Host
from r50bench.measure.bench import Bench
from r50bench.measure.inputs import SessionInputs
from r50bench.measure.pool import Pool
from r50bench.measure.protocol import (
    FeedSpec,
    Loaded,
    LoadEngine,
    Observed,
    ObserveKernels,
    Warmed,
    WarmUp,
    WorkerPlan,
)
from r50bench.measure.record_draft import RecordDraft
from r50bench.notices import Notice, Progress
from r50bench.planning.planned import Planned
from r50bench.results.files import write_atomically
from r50bench.results.record import Canary, WorkerReport

__all__ = [
    "BringUp",
    "check_affinity",
    "shares",
    "start_instant_ns",
    "started_pool",
    "unbound",
    "worker_plans",
    "worker_reports",
]

_START_LEAD_NS = 20_000_000
_LOAD_PATIENCE = 10


def start_instant_ns() -> int:
    """Returns the instant, on CLOCK_MONOTONIC, at which all instances can start together."""
    return time.perf_counter_ns() + _START_LEAD_NS


class BringUp:
    """What leads from started workers to warm instances: three steps that the draft hears of.

    ``pool`` is by what the instances are asked.
    """

    def __init__(
        self,
        pool: Pool,
        plans: Sequence[WorkerPlan],
        case: Case,
        inputs: SessionInputs,
        draft: RecordDraft,
        folder: Path,
        progress: Progress,
    ) -> None:
        self.pool = pool
        self._plans = plans
        self._case = case
        self._inputs = inputs
        self._draft = draft
        self._folder = folder
        self._progress = progress
        self._loaded: list[Loaded] = []

    def begin_loading(self) -> None:
        """Has the workers load their engines, without waiting for them."""
        self._progress.phase(f"{self._draft.name}  loading")
        self.pool.tell(LoadEngine())

    def finish_loading(self) -> None:
        """Waits for the engines, and checks what runs where.

        Raises:
            R50BenchError: an engine could not be loaded; by its own class.
            WorkerFailed: a worker died, hung, or does not run where it should.
        """
        self._loaded = self.pool.hear(Loaded, timeout_s=_LOAD_PATIENCE * self._case.timeout_s)
        self.pool.expect_batches_of(max(loaded.first_batch_s for loaded in self._loaded))
        version = self._loaded[0].engine_version
        self._draft.engine = replace(self._inputs.engine_info, version=version)
        check_affinity(self._plans, self._loaded)
        self._draft.warn(unbound(self._plans, self._loaded))
        self._draft.canary = self._canary()

    def _canary(self) -> Canary | None:
        """Returns what looks at the cores between batches, None where nothing was to."""
        cores = tuple(cpus for loaded in self._loaded for cpus in loaded.looked_at)
        if any(cores):
            return Canary(cores)
        refused = (loaded.no_canary for loaded in self._loaded if loaded.no_canary)
        missing = next(refused, self._inputs.no_canary)
        return Canary(missing=missing) if missing else None

    def warm_up(self, *, loaded_alone: bool) -> None:
        """Proves the kernels and warms up.

        ``loaded_alone``: nothing else of this run loaded meanwhile, so that the time is a figure.

        Raises:
            EngineError: other kernels ran than the precision claims.
            WorkerFailed: a worker died or hung.
        """
        case, draft, pool = self._case, self._draft, self.pool
        _prove(pool, self._inputs.engine, draft, self._folder, verbose=case.verbose)
        if case.warmup_steps:
            self._progress.phase(f"{draft.name}  warm-up", case.warmup_steps * case.instances)
        warmed = pool.ask(WarmUp(start_instant_ns()), Warmed)
        reports = worker_reports(self._plans, pool.pids, self._loaded, warmed)
        draft.workers = tuple(replace(one, loaded_alone=loaded_alone) for one in reports)


@contextmanager
def started_pool(
    planned: Planned, bench: Bench, inputs: SessionInputs, draft: RecordDraft, folder: Path
) -> Iterator[BringUp]:
    """Gives workers that have been started, and holds their CPUs while the context lasts."""
    case, placement, progress = planned.case, planned.placement, bench.progress
    plans = worker_plans(
        case,
        placement,
        inputs.engine,
        inputs.feed,
        bind_memory=len({core.node for core in bench.host.cores}) > 1,
        pictures=len(inputs.labels),
        canary=inputs.canary,
    )
    with (
        occupy(cpu for slot in placement.slots for cpu in slot.cpus) as others,
        Pool(
            plans,
            inputs.environment,
            folder,
            progress,
            timeout_s=case.timeout_s,
            variables=lambda plan: _gpus_seen(plan, bench.host),
        ) as pool,
    ):
        draft.warn(others())
        if placement.leftover:
            cores = ", ".join(str(cpu) for cpu in placement.leftover)
            progress.note(f"cores in no instance: CPU {cores}")
        yield BringUp(pool, plans, case, inputs, draft, folder, progress)
        # A run that came later disturbed this one all the same.
        draft.warn(others())


def _gpus_seen(plan: WorkerPlan, host: Host) -> dict[str, str]:
    """Returns the variables by which a worker sees the GPUs of its slots alone."""
    if plan.engine.device != "cuda":
        return {}
    from r50bench.measure.gpus import gpus_of  # most cases run on CPUs

    seen = gpus_of(Placement(plan.slots), host)
    return gpu_variables(seen) if seen else {}


def _prove(
    pool: Pool, engine: EngineSpec, draft: RecordDraft, folder: Path, *, verbose: bool
) -> None:
    observed = pool.ask(ObserveKernels(), Observed)
    if verbose:
        for number, answer in enumerate(observed):
            write_atomically(folder / f"onednn-verbose-{number}.log", answer.log.encode())
    for answer in observed:
        evidence = answer.evidence
        draft.note_evidence(evidence)
        if not evidence.proved:
            raise EngineError(
                f"{engine.precision} is not what ran: {evidence.summary}",
                hint=f"expected {evidence.expected}; VERBOSE=1 keeps the full kernel log",
            )


def shares(pictures: int, instances: int) -> tuple[tuple[int, int], ...]:
    """Splits ``pictures`` into one half-open range per instance, sizes differing by one at most."""
    bounds = [pictures * at // instances for at in range(instances + 1)]
    return tuple(itertools.pairwise(bounds))


def worker_plans(
    case: Case,
    placement: Placement,
    engine: EngineSpec,
    feed: FeedSpec,
    *,
    bind_memory: bool,
    pictures: int = 0,
    canary: str | None = None,
) -> tuple[WorkerPlan, ...]:
    """Returns one plan per instance, or one for all where the case shares weights.

    ``pictures`` is the size of the labelled data set, 0 without one; ``canary`` the path of the
    library that looks at the cores, None where nothing does.
    """
    shared, apart = [placement.slots], [(slot,) for slot in placement.slots]
    groups = shared if case.weight_sharing else apart
    ranges = shares(pictures, len(placement.slots)) if pictures else ()
    return tuple(
        WorkerPlan(
            worker=number,
            slots=slots,
            engine=_beginning_at(engine, slots),
            feed=feed,
            steps=case.steps or 0,
            warmup_steps=case.warmup_steps,
            bind_memory=bind_memory,
            canary=canary,
            shares=tuple(ranges[slot.instance] for slot in slots) if ranges else (),
        )
        for number, slots in enumerate(groups)
    )


def _beginning_at(engine: EngineSpec, slots: tuple[Slot, ...]) -> EngineSpec:
    return replace(engine, first_instance=slots[0].instance)


def check_affinity(plans: Sequence[WorkerPlan], loaded: Sequence[Loaded]) -> None:
    """Raises WorkerFailed where an instance's affinity, read back, is not that of its slot."""
    for plan, answer in zip(plans, loaded, strict=True):
        for slot, cpus in zip(plan.slots, answer.cpus, strict=True):
            if tuple(cpus) != tuple(sorted(slot.cpus)):
                raise WorkerFailed(
                    f"instance {slot.instance} was to run on CPUs {list(slot.cpus)} and reports"
                    f" {list(cpus)}",
                    hint="the affinity mask or the container's cpuset changed under the run",
                )


def unbound(plans: Sequence[WorkerPlan], loaded: Sequence[Loaded]) -> tuple[Notice, ...]:
    """Returns a notice for each kind of binding that was meant to be and is not."""
    said: list[Notice] = []
    pairs = list(zip(plans, loaded, strict=True))
    if any(plan.bind_memory and not answer.memory_nodes for plan, answer in pairs):
        text = "memory is not bound to the NUMA nodes: the kernel or the container forbids it"
        said.append(Notice("memory-unbound", text, "docker run --cap-add SYS_NICE"))
    if any(_has_team(plan) and not answer.threads_bound for plan, answer in pairs):
        text = "the engine's threads are not one for each core, and were left to roam"
        said.append(Notice("threads-unbound", text))
    return tuple(said)


def _has_team(plan: WorkerPlan) -> bool:
    """What is scripted has no threads, and a GPU's instance needs none."""
    return not ENGINES[plan.engine.engine].scripted and plan.engine.device == "cpu"


def worker_reports(
    plans: Sequence[WorkerPlan],
    pids: Sequence[int],
    loaded: Sequence[Loaded],
    warmed: Sequence[Warmed],
) -> tuple[WorkerReport, ...]:
    """Returns what each worker read back about itself."""
    return tuple(
        WorkerReport(
            worker=plan.worker,
            pid=pid,
            instances=tuple(slot.instance for slot in plan.slots),
            cpus=load.cpus,
            memory_nodes=load.memory_nodes,
            threads_bound=load.threads_bound,
            environment=load.environment,
            load_s=load.load_s,
            first_batch_s=load.first_batch_s,
            warmup_s=warm.warmup_s,
            pss_bytes=warm.pss_bytes,
            log=f"worker-{plan.worker}.log",
        )
        for plan, pid, load, warm in zip(plans, pids, loaded, warmed, strict=True)
    )
