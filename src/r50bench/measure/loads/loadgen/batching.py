"""Which of Offline's samples go into a batch together, so that few pictures must be copied; pure.

LoadGen sends all samples at once and asks for no order. Pictures that lie one after the other in
memory are a batch as they lie; copying 0.6 MB a picture would cost more than one per cent of an
int8 inference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["order_in_runs"]


def order_in_runs(rows: NDArray[np.int64], loaded: int, size: int) -> tuple[NDArray[np.int64], int]:
    """Returns a permutation of ``rows``, and how many batches of ``size`` are runs in that order.

    A run goes up by one, from row ``loaded`` - 1 on to row 0. First come the batches that are runs,
    then all samples that found no place in one.
    """
    by_row = _stable_order(rows)
    ordered = rows[by_row]
    places = np.arange(len(rows))
    first_of_row = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    occurrence = places - np.maximum.accumulate(np.where(first_of_row, places, 0))
    # The first occurrence of every row, ascending, then the second of every row, and so on.
    order = by_row[_stable_order(occurrence)]
    step = np.diff(rows[order]) % loaded
    begins = np.concatenate(([True], step != 1 % loaded))
    start = np.maximum.accumulate(np.where(begins, places, 0))
    bounds = np.append(np.flatnonzero(begins), len(rows))
    length = np.repeat(np.diff(bounds), np.diff(bounds))
    placed = places - start < length // size * size
    return np.concatenate((order[placed], order[~placed])), int(placed.sum()) // size


def _stable_order(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorts whole numbers from 0 on; numpy counts 16-bit ones instead of comparing them."""
    narrow = values.astype(np.min_scalar_type(values.max(initial=0)))
    return np.argsort(narrow, kind="stable")
