"""What each batch of a closed loop knows of its cores, by the looks around it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["by_batch"]


def by_batch(
    found: Sequence[tuple[int, int, int]], ends: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Returns for each batch the slower of the looks around it, and what was waited between, in ns.

    ``found`` is what :meth:`r50bench.host.canary.CoreWatch.found` returns: a look before the first
    batch, one after the last, and in between those that were due. ``ends`` are the batches' stamps.
    """
    canary: list[int] = []
    waited: list[int] = []
    for before, after in pairwise(found):
        batches = bisect_right(ends, after[0]) - len(canary)
        canary += [max(before[1], after[1])] * batches
        waited += [after[2]] * batches
    return canary, waited
