"""Figures that need the instances side by side in time: throughput, overlap, utilization.

The window of a round is the time common to all instances: from the last of their first starts to
the first of their last ends. A batch that straddles an edge counts by the share of its time inside,
so that a window is worth what was done in it and not what happened to end in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from r50bench.results.samples import Integers, Samples
from r50bench.results.stats import (
    LEAST_ROUNDS,
    Estimate,
    Floats,
    mean_of_rounds,
    mean_of_series,
)

__all__ = [
    "Window",
    "instance_throughputs",
    "mean_latency_ns",
    "round_throughputs",
    "throughput",
    "utilization",
    "windows",
]

_MOST_BLOCKS = 30


@dataclass(frozen=True)
class Window:
    """What the instances of one round had in common; times in ns of the samples' clock.

    ``skew_ns`` is how far their first starts lie apart, ``overlap`` the window's share of the time
    from the first start to the last end.
    """

    round: int
    start_ns: int
    end_ns: int
    skew_ns: int
    overlap: float

    @property
    def length_ns(self) -> int:
        return self.end_ns - self.start_ns


def windows(samples: Samples) -> tuple[Window, ...] | None:
    """Returns one window per round, or None where the instances of some round never overlapped."""
    found = []
    for number in samples.rounds:
        spans = [_span(instance) for instance in _instances_of_round(samples, int(number))]
        starts, ends = zip(*spans, strict=True)
        if min(ends) <= max(starts):
            return None
        overlap = (min(ends) - max(starts)) / (max(ends) - min(starts))
        skew = max(starts) - min(starts)
        found.append(Window(int(number), max(starts), min(ends), skew, overlap))
    return tuple(found)


def throughput(samples: Samples, windows: tuple[Window, ...]) -> Estimate:
    """Returns images per second, summed over the instances.

    With 3 rounds or more, the interval comes from the rounds' figures; with fewer, from equal-time
    segments of the windows, at most 30 and each long enough for one batch of every instance.
    """
    if len(windows) >= LEAST_ROUNDS:
        return mean_of_rounds(round_throughputs(samples, windows))
    rounds = [_curves(samples, window) for window in windows]
    most = _MOST_BLOCKS // len(windows)
    return mean_of_series(
        [
            np.sum(_rates(curves, max(1, min(most, _fewest_batches(curves)))), axis=0)
            for curves in rounds
        ]
    )


def round_throughputs(samples: Samples, windows: tuple[Window, ...]) -> Floats:
    """Returns images per second of each round, summed over the instances."""
    return np.array([np.sum(_rates(_curves(samples, window), 1)) for window in windows])


def instance_throughputs(samples: Samples, windows: tuple[Window, ...]) -> Floats:
    """Returns each instance's images per second within the windows, in the instances' order."""
    per_round = [_rates(_curves(samples, window), 1)[:, 0] for window in windows]
    return np.asarray(np.mean(per_round, axis=0))


def utilization(samples: Samples, windows: tuple[Window, ...]) -> float:
    """Returns the share of the windows that the instances spent inside a batch, 0 to 1."""
    busy = 0
    for window in windows:
        rows = samples.round == window.round
        start = np.maximum(samples.start_ns[rows], window.start_ns)
        end = np.minimum(samples.end_ns[rows], window.end_ns)
        busy += int(np.sum(np.maximum(end - start, 0)))
    available = len(samples.instances) * sum(window.length_ns for window in windows)
    return busy / available


def mean_latency_ns(samples: Samples) -> Estimate:
    """Returns the mean latency of all batches in nanoseconds.

    With 3 rounds or more the interval comes from the rounds' means; with fewer, from blocks of
    consecutive steps, each over all instances, since what slows one often slows its neighbours.
    """
    latency = samples.latency_ns.astype(np.float64)
    value = float(np.mean(latency))
    rounds = samples.rounds
    if len(rounds) >= LEAST_ROUNDS:
        means = np.array([np.mean(latency[samples.round == number]) for number in rounds])
        spread = mean_of_rounds(means)
    else:
        most = _MOST_BLOCKS // len(rounds)
        spread = mean_of_series([_block_means(samples, int(number), most) for number in rounds])
    if spread.low is None or spread.high is None:
        return Estimate(value)
    # Blocks of unequal size have a mean of their own; the interval belongs around the pooled one.
    shift = value - spread.value
    return Estimate(value, spread.low + shift, spread.high + shift)


@dataclass(frozen=True)
class _Curve:
    """Work done by one instance: ``batches`` and ``images`` finished in all at ``seconds``."""

    seconds: Floats
    batches: Floats
    images: Floats
    length: float


def _curves(samples: Samples, window: Window) -> list[_Curve]:
    return [_curve(part, window) for part in _instances_of_round(samples, window.round)]


def _curve(part: Samples, window: Window) -> _Curve:
    # Stamps interleaved as start, end, start, end…: work rises from a start to its end and stands
    # still from there to the next start.
    stamps = np.column_stack([part.start_ns, part.end_ns]).ravel() - window.start_ns
    batches = np.arange(len(part) + 1, dtype=np.float64)
    images = np.concatenate([[0], np.cumsum(part.images)]).astype(np.float64)
    return _Curve(
        stamps / 1e9,
        np.column_stack([batches[:-1], batches[1:]]).ravel(),
        np.column_stack([images[:-1], images[1:]]).ravel(),
        window.length_ns / 1e9,
    )


def _rates(curves: list[_Curve], segments: int) -> Floats:
    """Returns images per second, one row per instance and one column per equal-time segment."""
    length = curves[0].length
    edges = np.linspace(0, length, segments + 1)
    done = [np.interp(edges, curve.seconds, curve.images) for curve in curves]
    return np.asarray(np.diff(done, axis=1) / (length / segments))


def _fewest_batches(curves: list[_Curve]) -> int:
    inside = [
        np.diff(np.interp([0, curve.length], curve.seconds, curve.batches))[0] for curve in curves
    ]
    return int(min(inside) + 1e-9)


def _block_means(samples: Samples, number: int, most: int) -> Floats:
    parts = _instances_of_round(samples, number)
    blocks = min([most, *(len(part) for part in parts)])
    sums, counts = np.zeros(blocks), np.zeros(blocks)
    for part in parts:
        block = np.arange(len(part)) * blocks // len(part)
        sums += np.bincount(block, part.latency_ns, blocks)
        counts += np.bincount(block, minlength=blocks)
    return sums / counts


def _instances_of_round(samples: Samples, number: int) -> list[Samples]:
    rows = samples.round == number
    return [samples.where(rows & (samples.instance == one)) for one in samples.instances]


def _span(part: Samples) -> tuple[int, int]:
    first: Integers = part.start_ns
    return int(first[0]), int(part.end_ns[-1])
