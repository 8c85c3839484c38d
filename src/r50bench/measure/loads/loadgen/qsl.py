"""LoadGen's sample library: normalised pictures, made outside the timed part and kept in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from r50bench.assets.preprocess import normalise
from r50bench.measure.protocol import FeedSpec

__all__ = ["Rows", "SampleLibrary", "Work"]

Rows = NDArray[np.int64] | range
"""Places of loaded pictures; a range says that they lie one after the other."""

Work = tuple[list[int], Rows]
"""Ids of LoadGen's samples and the rows of the pictures they ask for, one of each."""

_AT_ONCE = 32


class SampleLibrary:
    """The first ``size`` pictures of a data set, some of them loaded at a time.

    Loaded pictures lie one after the other, each in its row; behind the last row the first ones lie
    once more, so that a batch may begin at any row. ``pictures`` are all of them, float32
    (rows, 3, 224, 224), a view of (rows, 224, 224, 3).
    """

    def __init__(self, feed: FeedSpec, size: int) -> None:
        if feed.pictures is None:
            raise ValueError("LoadGen needs pictures, and the feed names none")
        self._raw: NDArray[np.uint8] = np.load(feed.pictures, mmap_mode="r")
        self._convention = feed.convention
        self._again = feed.batch_size - 1
        self._store: NDArray[np.float32] = np.empty((0, *self._raw.shape[1:]), np.float32)
        self.pictures: NDArray[np.float32] = self._store.transpose(0, 3, 1, 2)
        self._rows = np.full(size, -1, np.int64)
        self.loaded = 0

    def load(self, indices: Sequence[int]) -> None:
        """Normalises the pictures ``indices`` and keeps them until others are loaded."""
        wanted = np.asarray(indices, np.int64)
        self.loaded = len(wanted)
        rows = np.resize(wanted, self.loaded + self._again)
        self._store = np.empty((len(rows), *self._raw.shape[1:]), np.float32)
        for at in range(0, len(rows), _AT_ONCE):
            batch = normalise(self._raw[rows[at : at + _AT_ONCE]], self._convention)
            self._store[at : at + len(batch)] = batch.transpose(0, 2, 3, 1)
        self.pictures = self._store.transpose(0, 3, 1, 2)
        self._rows[wanted] = np.arange(self.loaded)

    def unload(self, indices: Sequence[int]) -> None:
        """Forgets where the pictures ``indices`` lie; the memory goes with the next load."""
        self._rows[np.asarray(indices, np.int64)] = -1

    def row_of(self, index: int) -> int:
        """Returns the row of a loaded picture.

        Raises:
            KeyError: it is not loaded.
        """
        row = self._rows.item(index)
        if row < 0:
            raise KeyError(f"LoadGen asks for picture {index}, which is not loaded")
        return row

    def rows_of(self, indices: Sequence[int]) -> Rows:
        """Returns the rows of loaded pictures.

        Raises:
            KeyError: one is not loaded.
        """
        if len(indices) == 1:
            row = self.row_of(indices[0])
            return range(row, row + 1)
        rows: NDArray[np.int64] = self._rows[np.asarray(indices, np.int64)]
        if rows.min(initial=0) < 0:
            raise KeyError(f"LoadGen asks for a picture that is not loaded, among {len(rows)}")
        return rows

    def copy(self, rows: Rows, room: NDArray[np.float32]) -> None:
        """Copies the pictures of ``rows`` to the beginning of ``room``, (b, 224, 224, 3)."""
        # Rows were checked: clip only spares numpy a buffer of its own.
        np.take(self._store, rows, axis=0, out=room[: len(rows)], mode="clip")
