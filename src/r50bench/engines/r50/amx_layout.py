"""Where activations lie for kernels on tiles, and the tables that lead through them.

A tensor is made of planes, one line of 64 bytes of channels a position; see ``kernels/amx/plan.h``.
Everything that depends on width, borders and strides is in the tables made here: the kernels only
follow them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LINE",
    "TILE_ROWS",
    "Layout",
    "Tables",
    "Tensor",
    "Tiling",
    "kernel_offsets",
    "tiles_of",
]

LINE = 64
"""Bytes of channels at one position of a plane."""
TILE_ROWS = 16

_Integers = NDArray[np.int64]


class Layout(Enum):
    """How positions follow one another in a plane.

    ``FLAT``: row by row. ``BORDERED``: with zeros around, one column of them between rows.
    ``SPLIT`` and ``BORDERED_SPLIT``: the positions of even and odd rows and columns apart, four
    pictures of half the side, so that a stride of 2 reads what lies side by side.
    """

    FLAT = "flat"
    BORDERED = "bordered"
    SPLIT = "split"
    BORDERED_SPLIT = "bordered split"


@dataclass(frozen=True)
class Tensor:
    """``channels`` × ``side`` × ``side`` of ``group`` images, ``at`` bytes into the arena."""

    at: int
    side: int
    channels: int
    group: int
    layout: Layout
    value_bytes: int
    wide_at: int = -1
    """Where the same lies in float32 beside it, -1: nowhere."""

    @property
    def split(self) -> bool:
        return self.layout in (Layout.SPLIT, Layout.BORDERED_SPLIT)

    @property
    def border(self) -> int:
        return int(self.layout in (Layout.BORDERED, Layout.BORDERED_SPLIT))

    @property
    def pitch(self) -> int:
        """Lines from one row to the next."""
        width = self.side // 2 if self.split else self.side
        return (width + self.border) * self.group

    @property
    def quarter(self) -> int:
        """Lines of one of the four pictures, or of the only one."""
        height = self.side // 2 if self.split else self.side
        below = int(self.layout is Layout.BORDERED)
        return (height + self.border + below) * self.pitch + self.border * self.group

    @property
    def dummy(self) -> int:
        """The line that takes what nobody reads; as many follow as a group has images."""
        return self.quarter * (4 if self.split else 1)

    @property
    def plane(self) -> int:
        """Bytes of a plane: an odd number of tiles, so that planes fall into other sets of L1."""
        tiles = -(-(self.dummy + self.group) // TILE_ROWS)
        return (tiles | 1) * TILE_ROWS * LINE

    @property
    def planes(self) -> int:
        return -(-self.channels * self.value_bytes // LINE)

    @property
    def bytes(self) -> int:
        return self.planes * self.plane

    def lines(self, y: _Integers, x: _Integers) -> _Integers:
        """Returns the lines of the first image at these positions, -1 is on the border."""
        first: _Integers | int = 0
        if self.split:
            first = (y % 2 * 2 + x % 2) * self.quarter
            y, x = y // 2, x // 2
        return first + (y + self.border) * self.pitch + (x + self.border) * self.group


@dataclass(frozen=True)
class Tiling:
    """``starts`` (tiles,) in lines of the input; ``y``, ``x``, ``image`` (tiles, 16) of the output.

    ``y`` is -1 where a tile's row is nobody's.
    """

    starts: _Integers
    y: _Integers
    x: _Integers
    image: _Integers

    def padded(self, tiles: int) -> Tiling:
        """Returns ``tiles`` more at the end, whose rows are nobody's.

        What they compute must not be written: it may be added to where it lies.
        """
        return Tiling(
            np.concatenate([self.starts, np.repeat(self.starts[-1:], tiles)]),
            np.pad(self.y, ((0, tiles), (0, 0)), constant_values=-1),
            np.pad(self.x, ((0, tiles), (0, 0))),
            np.pad(self.image, ((0, tiles), (0, 0))),
        )

    def rows(self, tensor: Tensor, step: int = 1) -> _Integers:
        """Returns (tiles, 16): the bytes from the plane's begin to where each row is put.

        ``step``: output positions are that far apart in ``tensor``.
        """
        lines = tensor.lines(self.y * step, self.x * step) + self.image
        return np.where(self.y < 0, tensor.dummy, lines) * LINE


def tiles_of(source: Tensor, kernel: int, stride: int, at_once: int) -> Tiling:
    """Returns the tiles of a convolution over ``source``, a multiple of ``at_once``.

    A 1×1 kernel of stride 1 takes positions in the order in which they lie. Tiles end with rows
    where they can; else they run over the border to the next row.
    """
    side, group = source.side // stride, source.group
    if kernel == 1 and stride == 1:
        count = source.side**2 * group
        starts = np.arange(0, count, TILE_ROWS)
        y, x, image = _positions_as_they_lie(source)
    else:
        count = side * source.pitch
        whole = side * group
        in_row = whole % TILE_ROWS == 0
        step = TILE_ROWS if not in_row else 0
        starts = (
            (np.arange(side)[:, None] * source.pitch + np.arange(0, whole, TILE_ROWS)).reshape(-1)
            if in_row
            else np.arange(0, count - source.border * group, step)
        )
        line = np.arange(count)
        y, x, image = line // source.pitch, line % source.pitch // group, line % group
        y = np.where(x < side, y, -1)
    rows = starts[:, None] + np.arange(TILE_ROWS)
    inside = rows < count
    rows = np.where(inside, rows, 0)
    tiling = Tiling(starts, np.where(inside, y[rows], -1), x[rows], image[rows])
    return tiling.padded(-len(starts) % at_once)


def _positions_as_they_lie(source: Tensor) -> tuple[_Integers, _Integers, _Integers]:
    y, x, image = (
        axis.reshape(-1) for axis in np.indices((source.side, source.side, source.group))
    )
    order = np.argsort(source.lines(y, x) + image)
    return y[order], x[order], image[order]


def kernel_offsets(source: Tensor, kernel: int) -> _Integers:
    """Returns the bytes from where a tile starts to each step of it, plane by plane."""
    reach = np.arange(kernel) - kernel // 2
    y, x = (axis.reshape(-1) for axis in np.meshgrid(reach, reach, indexing="ij"))
    planes = np.arange(source.planes) * source.plane
    return (planes[:, None] + source.lines(y, x) * LINE).reshape(-1)


class Tables:
    """All tables in one array; equal ones once."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.int32]] = []
        self._places: dict[bytes, int] = {}
        self._length = 0

    def place(self, values: _Integers) -> int:
        """Returns where ``values`` are, after adding them if need be."""
        part = np.ascontiguousarray(values, np.int32).reshape(-1)
        assert np.array_equal(part, values.reshape(-1))
        key = part.tobytes()
        if key not in self._places:
            self._places[key] = self._length
            self._parts.append(part)
            self._length += len(part)
        return self._places[key]

    def array(self) -> NDArray[np.int32]:
        """Returns (elements,): all tables end to end; :meth:`place` gives indices into it."""
        return np.concatenate(self._parts)
