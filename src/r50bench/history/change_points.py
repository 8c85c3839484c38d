"""Where a series of figures changed for good, and by how much: arithmetic alone.

Binary segmentation: the place that parts a series best, by the t statistic of its two sides, is a
change point where chance hardly gives such a one anywhere; then each side is looked at alone.
docs/method.md says how often it is wrong, and why it is not one of the libraries for this.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from r50bench.results.stats import CONFIDENCE, Estimate, Floats

__all__ = ["LASTING", "ChangePoint", "change_points"]

LASTING = 4
"""How many runs on either side make a change a lasting one: fewer may be a spell."""

_CHANCE = 0.008
"""The p value, times the number of places looked at, below which chance is not believed.

By simulation (tests/history/test_change_points.py): with it, a history of 200 runs that is looked
at after each of them has less than one false alarm, and a step of three standard deviations is
found by its fifth run.
"""

_LEAST_RUNS = 12
_NEIGHBOURS = 5
_OUTLYING = 4.0
_MAD_TO_DEVIATION = 1.4826
"""The standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True)
class ChangePoint:
    """``at`` is the position of the first figure that is other than before.

    ``ratio`` is the mean after over the mean before, of the figures between this change and its
    neighbours, with its 95 % interval; ``runs`` how many figures that is on either side.
    """

    at: int
    ratio: Estimate
    runs: tuple[int, int]


def change_points(figures: Floats) -> tuple[ChangePoint, ...]:
    """Returns the lasting changes in ``figures``, all above 0 and in the order of time.

    Single figures far from their neighbours testify for neither side. With fewer than 12 figures
    nothing is said.

    Raises:
        ValueError: a figure is not above 0.
    """
    if np.any(~(figures > 0)):
        raise ValueError("figures whose ratio is asked are above 0")
    if len(figures) < _LEAST_RUNS:
        return ()
    logs = np.log(figures)
    kept = np.flatnonzero(_in_line(logs))
    ends = [0, *sorted(_splits(logs[kept], 0)), len(kept)]
    return tuple(
        ChangePoint(
            int(kept[at]),
            _ratio(logs[kept[before:at]], logs[kept[at:after]]),
            (at - before, after - at),
        )
        for before, at, after in zip(ends, ends[1:], ends[2:], strict=False)
    )


def _in_line(logs: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Says of each figure whether it lies within 4 deviations of the median of its neighbours.

    The deviation is taken from the step between each figure and the next, which a change of level
    moves once.
    """
    padded = np.pad(logs, _NEIGHBOURS, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    steps = np.abs(np.diff(logs))
    deviation = _MAD_TO_DEVIATION * float(np.median(steps)) / math.sqrt(2)
    return np.asarray(np.abs(logs - np.median(windows, axis=1)) <= _OUTLYING * deviation)


def _splits(logs: Floats, first: int) -> Iterator[int]:
    """Yields the positions, counted from ``first``, at which the level of ``logs`` changes."""
    at = _best_split(logs)
    if at is not None:
        yield from _splits(logs[:at], first)
        yield first + at
        yield from _splits(logs[at:], first + at)


def _best_split(logs: Floats) -> int | None:
    """Returns where the two sides differ most, None where chance may have parted them."""
    count = len(logs)
    if count < 2 * LASTING:
        return None
    left = np.arange(LASTING, count - LASTING + 1)
    deviations = logs - np.mean(logs)
    between = np.cumsum(deviations)[left - 1] ** 2 * (1 / left + 1 / (count - left))
    best = int(np.argmax(between))
    within = float(deviations @ deviations) - float(between[best])
    if within <= _ROUNDING * float(between[best]):  # a count or a share that changed once
        return int(left[best]) if between[best] > _ROUNDING else None
    t = math.sqrt(float(between[best]) * (count - 2) / within)
    # Student's tails are heavier than the normal ones: what these do not exclude, those do not.
    if math.erfc(t / math.sqrt(2)) * len(left) >= _CHANCE:
        return None
    from scipy.special import stdtr  # a third of a second, which steady histories do not wait for

    chance = 2 * float(stdtr(count - 2, -t)) * len(left)
    return int(left[best]) if chance < _CHANCE else None


_ROUNDING = 1e-18
"""Squares of logarithms below it are the rounding of equal figures."""


def _ratio(before: Floats, after: Floats) -> Estimate:
    """Returns the ratio of two levels with Welch's interval, from the logarithms of figures."""
    from scipy.special import stdtrit  # as above

    step = float(np.mean(after) - np.mean(before))
    errors = [float(np.var(side, ddof=1)) / len(side) for side in (before, after)]
    variance = math.fsum(errors)
    if variance == 0:
        return Estimate(math.exp(step), math.exp(step), math.exp(step))
    freedom = variance**2 / math.fsum(
        error**2 / (len(side) - 1) for error, side in zip(errors, (before, after), strict=True)
    )
    half = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * math.sqrt(variance)
    return Estimate(math.exp(step), math.exp(step - half), math.exp(step + half))
