"""Which configurations no other one beats in throughput and latency at once; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["pareto_front"]

T = TypeVar("T")


def pareto_front(
    points: Iterable[T], cost: Callable[[T], float], worth: Callable[[T], float]
) -> list[T]:
    """Returns the points that no other one beats in cost or worth without losing in the other.

    By rising cost, and so by rising worth. Of points equal in both, the first is kept.
    """
    front: list[T] = []
    for point in sorted(points, key=lambda one: (cost(one), -worth(one))):
        if not front or worth(point) > worth(front[-1]):
            front.append(point)
    return front
