"""Where tiles read and write: every output once, and what lies on a border never."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from r50bench.engines.r50.amx_layout import (
    LINE,
    TILE_ROWS,
    Layout,
    Tensor,
    kernel_offsets,
    tiles_of,
)

# Kernel, stride, layout of the input: what ResNet-50 has.
CONVOLUTIONS = [
    (1, 1, Layout.FLAT),
    (1, 1, Layout.SPLIT),
    (1, 2, Layout.SPLIT),
    (3, 1, Layout.BORDERED),
    (3, 2, Layout.BORDERED_SPLIT),
]
SHAPES = [(56, 1), (56, 2), (28, 1), (28, 2), (14, 1), (14, 8), (14, 16)]


def tensor(side, group, layout, channels=64):
    return Tensor(0, side, channels, group, layout, value_bytes=1)


def picture(source):
    """Returns each line's (y + 1, x + 1, image + 1), 0 on the border, as one number a line."""
    lines = np.zeros(source.plane // LINE, np.int64)
    y, x, image = (
        axis.reshape(-1) for axis in np.indices((source.side, source.side, source.group))
    )
    lines[source.lines(y, x) + image] = (y + 1) * 10**6 + (x + 1) * 10**3 + image + 1
    return lines


@pytest.mark.parametrize(("side", "group"), SHAPES)
@pytest.mark.parametrize(("kernel", "stride", "layout"), CONVOLUTIONS)
def test_every_kernel_element_reads_the_pixel_that_it_should(kernel, stride, layout, side, group):
    source = tensor(side, group, layout)
    tiling = tiles_of(source, kernel, stride, at_once=2)
    lines = np.append(picture(source), np.zeros(TILE_ROWS * source.pitch, np.int64))
    somebody = tiling.y >= 0
    for tap, offset in enumerate(kernel_offsets(source, kernel)):
        dy, dx = tap // kernel - kernel // 2, tap % kernel - kernel // 2
        read = lines[tiling.starts[:, None] + np.arange(TILE_ROWS) + offset // LINE]
        y, x = tiling.y * stride + dy, tiling.x * stride + dx
        on_picture = (y >= 0) & (y < side) & (x >= 0) & (x < side)
        pixel = (y + 1) * 10**6 + (x + 1) * 10**3 + tiling.image + 1
        assert (read == np.where(on_picture, pixel, 0))[somebody].all()


@pytest.mark.parametrize(("side", "group"), SHAPES)
@pytest.mark.parametrize(("kernel", "stride", "layout"), CONVOLUTIONS)
def test_every_output_is_written_once(kernel, stride, layout, side, group):
    tiling = tiles_of(tensor(side, group, layout), kernel, stride, at_once=2)
    target = tensor(side // stride, group, Layout.BORDERED)
    written = np.bincount(tiling.rows(target).reshape(-1) // LINE, minlength=target.plane // LINE)
    written[target.dummy] = 0
    assert np.array_equal(written, picture(target) > 0)


def test_the_number_of_tiles_is_a_multiple_of_those_computed_at_once():
    source = tensor(14, 1, Layout.FLAT)
    alone, pairs = (tiles_of(source, 1, 1, at_once) for at_once in (1, 2))
    assert (len(alone.starts), len(pairs.starts)) == (13, 14)
    assert (pairs.y[-1] == -1).all()


def test_planes_are_an_odd_number_of_tiles():
    for side, group, layout in itertools.product((56, 7), (1, 16), Layout):
        if side % 2 == 0 or layout in (Layout.FLAT, Layout.BORDERED):
            assert tensor(side, group, layout).plane // LINE // TILE_ROWS % 2 == 1
