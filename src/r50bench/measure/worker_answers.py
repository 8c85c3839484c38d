"""From what workers answered to the parts of the record; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from r50bench.engines.registry import ENGINES
from r50bench.errors import WorkerFailed
from r50bench.measure.protocol import Loaded, Measured, Predicted, Warmed, Watched, WorkerPlan
from r50bench.notices import Notice
from r50bench.results.predictions import Predictions
from r50bench.results.record import WorkerReport
from r50bench.results.samples import Samples

__all__ = [
    "check_affinity",
    "lost_cpu_share",
    "predictions_of",
    "samples_of",
    "samples_of_rounds",
    "unbound",
    "worker_reports",
]


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


def lost_cpu_share(rounds: Sequence[Sequence[Watched]]) -> float | None:
    """Returns the share of all rounds' time that the worker worst off lost; None if not known.

    ``rounds`` holds, for every round, what each worker answered.
    """
    shares = []
    for answers in zip(*rounds, strict=True):
        worker = [answer.contention for answer in answers]
        lost = [one.lost_ns for one in worker if one.lost_ns is not None]
        wall_ns = sum(one.wall_ns for one in worker)
        if len(lost) < len(worker) or not wall_ns:
            return None
        shares.append(sum(lost) / wall_ns)
    return max(shares, default=None)


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


def samples_of(rounds: Sequence[Sequence[Measured]], batch_size: int, steps: int) -> Samples:
    """Returns all rounds' timings as samples.

    Raises:
        WorkerFailed: an instance answered another number of batches than ``steps``.
    """
    for timing in (timing for answers in rounds for answer in answers for timing in answer.timings):
        if len(timing.starts_ns) != steps or len(timing.ends_ns) != steps:
            raise WorkerFailed(
                f"instance {timing.instance} answered {len(timing.ends_ns)} batches of {steps}"
            )
    return samples_of_rounds(rounds, batch_size)


def samples_of_rounds(rounds: Sequence[Sequence[Measured]], batch_size: int) -> Samples:
    """Returns all rounds' timings as samples, however many batches each instance has run."""
    columns: dict[str, list[int]] = {
        name: [] for name in ("round", "instance", "step", "start_ns", "end_ns")
    }
    for number, answers in enumerate(rounds):
        for timing in (timing for answer in answers for timing in answer.timings):
            steps = len(timing.starts_ns)
            columns["round"] += [number] * steps
            columns["instance"] += [timing.instance] * steps
            columns["step"] += range(steps)
            columns["start_ns"] += timing.starts_ns
            columns["end_ns"] += timing.ends_ns
    arrays = {name: np.asarray(values, dtype=np.int64) for name, values in columns.items()}
    images = np.full(len(columns["step"]), batch_size, dtype=np.int64)
    return Samples(**arrays, images=images)


def predictions_of(
    answers: Sequence[Predicted], names: Sequence[str], labels: Sequence[int]
) -> Predictions:
    """Returns every picture's five likeliest classes, in the order of the data set.

    Raises:
        WorkerFailed: a picture was answered twice, or not at all.
    """
    top5: Mapping[int, tuple[int, ...]] = {
        picture: row
        for answer in answers
        for picture, row in zip(answer.pictures, answer.top5, strict=True)
    }
    answered = sum(len(answer.pictures) for answer in answers)
    if answered != len(labels) or set(top5) != set(range(len(labels))):
        raise WorkerFailed(f"{len(top5)} of {len(labels)} pictures were answered, each due once")
    return Predictions(tuple(names), tuple(labels), tuple(top5[at] for at in range(len(labels))))
