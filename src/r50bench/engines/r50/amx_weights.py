"""Weights in the order in which tiles multiply them, and the constants of what follows the sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from r50bench.engines.r50.amx_layout import LINE
from r50bench.engines.r50.layers import LayerArithmetic
from r50bench.errors import EngineError

__all__ = [
    "SHIFTS",
    "SixteenBit",
    "bfloat16",
    "bias_constants",
    "logit_constants",
    "one_sum",
    "pack",
    "sixteen_bit",
    "steps_of",
    "word_constants",
]

SHIFTS: Final = (2, 4, 6, 8)
"""Those that the int8 kernels are compiled for."""

_COLUMNS = 16  # of a tile of sums
_WORD = 32767
_BYTE = 255


@dataclass(frozen=True)
class SixteenBit:
    """The int8 epilogue of ``kernels/amx/finish.h``: a layer's shift, and b, m, q by channel.

    ``weight`` is (out, in, height, width) int8.
    """

    weight: NDArray[np.int8]
    shift: int
    bias: NDArray[np.int16]
    multiplier: NDArray[np.int16]
    residual: NDArray[np.uint16]


def sixteen_bit(layer: LayerArithmetic, *, adds: bool) -> SixteenBit:
    """Returns the arithmetic of ``layer`` in 16 bits; ``adds``: a residual.

    A sum's part has 15 bits and a sign, in units of 2^shift sums, and becomes quanta by
    m / 2^15: a large m is exact in itself, a small one leaves more bits to the sums. What the
    next layer reads, 0 … 255 less bias and residual, must fit: m cannot be less than that. A
    channel whose scale is smaller, beside a much larger one, gets coarser weights instead.

    Raises:
        EngineError: a scale is so large that no shift fits.
    """
    scale = layer.scale.astype(np.float64)
    least = _BYTE * max(1.0, layer.residual_scale if adds else 0.0) + np.abs(layer.bias) + 4
    possible = [
        shift for shift in SHIFTS if max(scale.max() * 2 ** (15 + shift), least.max()) <= _WORD
    ]
    if not possible:
        raise EngineError(
            "the scales of a layer do not fit the 16 bits of the int8 kernels for AMX"
        )

    def error(shift: int) -> float:
        exact = scale * 2 ** (15 + shift)
        multiplier = np.maximum(exact, least)
        coarse = np.where(exact < least, _BYTE * (1 - exact / least), 0)
        return float((_BYTE / 2 / multiplier + multiplier / 2**16 + coarse).mean())

    shift = min(possible, key=error)
    exact = scale * 2 ** (15 + shift)
    multiplier = np.rint(np.maximum(exact, least))
    kept = np.minimum(1, exact / least)  # of the weights of small channels
    weight = np.rint(layer.weight * kept[:, None, None, None]).astype(np.int8)
    units = 2**15 / multiplier
    bias = np.rint(layer.bias * units + 0.5 + 0.5 * adds)
    residual = np.rint(layer.residual_scale * units * 2**8) if adds else np.zeros_like(bias)
    return SixteenBit(
        weight,
        shift,
        bias.astype(np.int16),
        multiplier.astype(np.int16),
        residual.astype(np.uint16),
    )


def one_sum(layer: LayerArithmetic, shortcut: LayerArithmetic) -> tuple[LayerArithmetic, ...]:
    """Returns both with one scale a channel, so that their sums add up, and the first's bias.

    Of two scales the larger is kept, and the other's weights are rounded to it: neither is rounded
    more coarsely than the coarser was. In float32 the scales are 1 and nothing is rounded.
    """
    of_shortcut = shortcut.scale * layer.residual_scale
    scale = np.maximum(layer.scale, of_shortcut)
    bias = layer.bias + shortcut.bias * layer.residual_scale

    def to_scale(weight: NDArray[Any], of_weight: NDArray[np.float32]) -> NDArray[Any]:
        if np.issubdtype(weight.dtype, np.integer):
            weight = np.rint(weight * (of_weight / scale)[:, None, None, None]).astype(np.int8)
        return weight

    return (
        replace(layer, weight=to_scale(layer.weight, layer.scale), scale=scale, bias=bias),
        replace(shortcut, weight=to_scale(shortcut.weight, of_shortcut), scale=scale, bias=bias),
    )


def steps_of(weight: NDArray[Any], value_bytes: int) -> NDArray[Any]:
    """Takes (out, in, height, width); returns (steps, values of a line, out), plane by plane."""
    out, channels, rows, columns = weight.shape
    line = LINE // value_bytes
    planes = weight.reshape(out, channels // line, line, rows * columns)
    steps: NDArray[Any] = np.ascontiguousarray(planes.transpose(1, 3, 2, 0))
    return steps.reshape(-1, line, out)


def pack(steps: NDArray[Any], columns: int, *, group: int, logits: bool = False) -> NDArray[Any]:
    """Returns the tiles of ``columns`` × 16 channels a panel, in the order they are multiplied in.

    ``steps`` is (steps, values, out); ``group`` values of a channel lie side by side. In int8,
    packing takes four channels of each tile in turn: a tile gets those that come out in order.
    """
    count, values, out = steps.shape
    panel = columns * _COLUMNS
    whole = -(-out // panel) * panel
    padded = np.zeros((count, values, whole), steps.dtype)
    padded[..., :out] = steps
    order = np.arange(whole).reshape(-1, columns, _COLUMNS)
    if group == 4 and not logits:
        order = np.arange(whole).reshape(-1, 4, columns, 4).transpose(0, 2, 1, 3)
    panels = padded[..., order.reshape(-1)]
    panels = panels.reshape(count, values // group, group, -1, columns, _COLUMNS)
    packed: NDArray[Any] = np.ascontiguousarray(panels.transpose(3, 0, 4, 1, 5, 2))
    return packed


def word_constants(layer: SixteenBit, columns: int) -> NDArray[np.uint8]:
    """Returns (panels, bytes): two lines each of b, m and q, as packing orders the sums' halves."""
    panels = []
    for words in (layer.bias, layer.multiplier, layer.residual.view(np.int16)):
        if columns == 4:  # 16 channels in a row are 8 of the first line, then 8 of the second
            lines = words.reshape(-1, 4, 2, 8).transpose(0, 2, 1, 3)
        else:  # two positions in a line
            lines = np.repeat(words.reshape(-1, 1, 32), 2, axis=1)
        panels.append(lines.reshape(len(lines), 1, 64))
    return (
        np.ascontiguousarray(np.concatenate(panels, axis=1))
        .view(np.uint8)
        .reshape(len(panels[0]), -1)
    )


def bias_constants(bias: NDArray[np.float32], columns: int) -> NDArray[np.uint8]:
    """Returns (panels, bytes): the biases of a panel's channels."""
    return _float_panels([bias], columns)


def logit_constants(layer: LayerArithmetic, columns: int) -> NDArray[np.uint8]:
    """Returns (panels, bytes): the scales of a panel's channels, then their biases."""
    return _float_panels([layer.scale, layer.bias], columns)


def _float_panels(arrays: Sequence[NDArray[np.float32]], columns: int) -> NDArray[np.uint8]:
    panel = columns * _COLUMNS
    padded = [np.pad(array, (0, -len(array) % panel)).reshape(-1, panel) for array in arrays]
    whole = np.concatenate(padded, axis=1).astype(np.float32)
    return np.ascontiguousarray(whole).view(np.uint8).reshape(len(whole), -1)


def bfloat16(array: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Rounds to nearest, ties to even."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    rounded = bits + 0x7FFF + ((bits >> 16) & 1)
    return (rounded >> 16).astype(np.uint16)
