"""From what workers answered to samples, predictions and disturbance; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from r50bench.errors import WorkerFailed
from r50bench.measure.protocol import Measured, Predicted, Watched
from r50bench.results.predictions import Predictions
from r50bench.results.samples import Samples

__all__ = [
    "lost_cpu_share",
    "predictions_of",
    "samples_of",
    "samples_of_rounds",
]


def lost_cpu_share(rounds: Sequence[Sequence[Watched]]) -> float | None:
    """Returns the share of all rounds' time that the worker worst off lost; None if not known.

    ``rounds`` holds, for every round, what each worker answered.
    """
    shares = []
    for answers in zip(*rounds, strict=True):
        worker = [answer.contention for answer in answers]
        lost = [part.lost_ns for part in worker if part.lost_ns is not None]
        wall_ns = sum(part.wall_ns for part in worker)
        if len(lost) < len(worker) or not wall_ns:
            return None
        shares.append(sum(lost) / wall_ns)
    return max(shares, default=None)


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
