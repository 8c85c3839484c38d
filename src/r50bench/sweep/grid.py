"""The points of a sweep and the order in which they are measured; pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from random import Random

from r50bench.errors import UsageError
from r50bench.parameters.value_lists import Axis

__all__ = ["MOST_POINTS", "Assignment", "full_grid", "measuring_order", "side_by_side"]

MOST_POINTS = 10_000
"""Larger grids are taken for a slip: at five seconds a point they take more than half a day."""

Assignment = tuple[tuple[str, str], ...]
"""(key, text) of every parameter that is swept, in the order in which the axes were given."""


def full_grid(groups: Sequence[Sequence[Axis]]) -> list[Assignment]:
    """Returns every combination of the axes' values, the last axis changing fastest.

    Raises:
        UsageError: there are too many.
    """
    axes = [axis for group in groups for axis in group]
    points = math.prod(len(axis.values) for axis in axes)
    if points > MOST_POINTS:
        raise UsageError(
            f"the grid has {points:,} points; {MOST_POINTS:,} are the most",
            hint="fewer values, or a geometric range such as 1 2 4 … 64",
        )
    keys = [axis.parameter.key for axis in axes]
    return [
        tuple(zip(keys, values, strict=True))
        for values in itertools.product(*(axis.values for axis in axes))
    ]


def side_by_side(groups: Sequence[Sequence[Axis]]) -> list[Assignment]:
    """Returns the first combination of every group, then the second of every group, and so on.

    A group is one axis, or the product of several. There are as many points as the longest group
    has combinations; the others begin anew, as with the original workloads' ``ctest``.
    """
    combinations = [full_grid([group]) for group in groups]
    longest = max(map(len, combinations), default=0)
    return [
        tuple(pair for group in combinations for pair in group[number % len(group)])
        for number in range(longest)
    ]


def measuring_order(points: int, passes: int, seed: int) -> list[tuple[int, int]]:
    """Returns every (pass, point) in the order of measurement.

    A pass measures every point once, in an order shuffled by ``seed``, so that a drift of the
    machine does not look like the effect of a parameter. Every second pass goes backwards over the
    one before it: over two passes, all points are measured at the same time on average.
    """
    random = Random(seed)
    order: list[tuple[int, int]] = []
    shuffled = list(range(points))
    for number in range(passes):
        if number % 2 == 0:
            random.shuffle(shuffled)
        else:
            shuffled.reverse()
        order += [(number, point) for point in shuffled]
    return order
