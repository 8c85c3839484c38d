"""What the kernels of ours run: every step with its place in memory, and the weights as they lie.

The compiling child makes a plan and leaves it as one ``plan.npz``; the worker hands its arrays to
``kernels.cpp``, which mirrors :data:`STEP_FIELDS`. All offsets and strides count values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from r50bench.engines.r50.layers import Arithmetic, LayerArithmetic, named_blocks
from r50bench.models.architecture import CLASSES, FEATURES, INPUT_SIZE
from r50bench.models.resnet50 import Bottleneck, ResNet50

__all__ = ["GROUP", "PLAN_FILE", "STEP_FIELDS", "make_plan", "write_plan"]

PLAN_FILE = "plan.npz"
GROUP = 8
"""Pictures that go through the last stage together: its weights are read once for all of them."""

STEP_FIELDS = (
    *("kind", "late"),
    *("in", "out", "residual", "in_image", "out_image", "residual_image"),
    *("in_pixel", "in_row", "out_pixel", "out_row", "residual_pixel", "residual_row"),
    *("kernel_rows", "kernel_columns", "groups", "stride", "padding", "height"),
    *("size_out", "channels_out", "weights", "floats"),
)
_CONVOLUTION, _MAX_POOL, _AVERAGE, _CLASSIFY = range(4)
_PANEL = 32  # output channels
_LINE = 64  # bytes
_COLOURS = 3
_BORDER = 3  # of the stem
_INPUT_SIDE = INPUT_SIZE + 2 * _BORDER
_VALUES: Final = {"fp32": (4, 1), "bf16": (2, 2), "int8": (1, 4)}
"""By numerics: bytes of a value, and values that one instruction multiplies and adds up."""


@dataclass(frozen=True)
class _Place:
    """A tensor in the arena: (images, side, side, pixel) values, ``border`` zeros on each side."""

    name: str
    at: int
    side: int
    channels: int
    pixel: int
    border: int
    image: int

    @property
    def row(self) -> int:
        return (self.side + 2 * self.border) * self.pixel

    @property
    def inside(self) -> int:
        return self.at + self.border * (self.row + self.pixel)


@dataclass
class _Layout:
    """Grows a plan step by step."""

    numerics: str
    steps: list[dict[str, int]] = field(default_factory=list)
    of_step: list[tuple[float, float]] = field(default_factory=list)
    weights: list[NDArray[Any]] = field(default_factory=list)
    weight_bytes: int = 0
    scales: list[NDArray[np.float32]] = field(default_factory=list)
    biases: list[NDArray[np.float32]] = field(default_factory=list)
    floats: int = 0
    values: int = 0
    late: bool = False
    _reused: dict[str, tuple[int, int]] = field(default_factory=dict)

    def reserve(self, values: int) -> int:
        """Returns the offset of ``values`` more, on a cache line, with a line behind them."""
        size, _ = _VALUES[self.numerics]
        line = _LINE // size
        at, self.values = self.values, self.values + -(-values // line) * line + line
        return at

    def place(
        self, name: str, side: int, channels: int, *, border: int = 0, images: int = 0
    ) -> _Place:
        """Returns where a tensor lies; without a border, tensors of one name share their place.

        Late tensors hold a group of images, others one, or ``images``.
        """
        size, _ = _VALUES[self.numerics]
        # A multiple of 1 KiB would put the pixels of a tile into a few sets of L1.
        pixel = channels if channels * size % 1024 else channels + _LINE // size
        image = (side + 2 * border) ** 2 * pixel
        images = GROUP if self.late else images or 1
        key = f"{name} {side} {channels}" if border else name
        if border or images > 1:
            key = f"{key} {self.late}"
        at, room = self._reused.get(key, (0, 0))
        if room < images * image:
            at = self.reserve(images * image)
            self._reused[key] = (at, images * image)
        return _Place(name, at, side, channels, pixel, border, image if images > 1 else 0)

    def step(self, kind: int, of_step: tuple[float, float], **fields: int) -> None:
        """Adds a step; fields that are not named are 0."""
        assert fields.keys() <= set(STEP_FIELDS)
        self.steps.append({"kind": kind, "late": int(self.late), "residual": -1, **fields})
        self.of_step.append(of_step)

    def pack(
        self, layer: LayerArithmetic, taps: NDArray[Any], *, logits: bool = False
    ) -> dict[str, int]:
        """Adds a layer's weights, (out, rows, columns, in) with ``in`` of whole groups.

        The instruction that packs two registers of int8 into one takes four channels of each in
        turn; so a panel's first register gets the channels 0-3, 8-11, …, its second 4-7, 12-15, …
        Logits are not packed.
        """
        _, group = _VALUES[self.numerics]
        out, rows, columns, channels = taps.shape
        whole = -(-out // _PANEL) * _PANEL
        order = np.arange(whole)
        if self.numerics == "int8" and not logits:
            order = order.reshape(-1, 4, 2, 4).transpose(0, 2, 1, 3).reshape(-1)
        padded = np.zeros((whole, rows, columns, channels), taps.dtype)
        padded[:out] = taps
        padded = padded[order]
        panels = padded.reshape(-1, _PANEL, rows, columns, channels // group, group)
        packed = np.ascontiguousarray(panels.transpose(0, 2, 3, 4, 1, 5))
        stored = _bfloat16(packed) if self.numerics == "bf16" else packed
        place = {"weights": self.weight_bytes, "floats": self.floats}
        self.weights.append(stored.reshape(-1).view(np.uint8))
        self.weight_bytes += stored.nbytes  # of whole panels, so whole lines
        for array, parts in ((layer.scale, self.scales), (layer.bias, self.biases)):
            parts.append(np.pad(array, (0, whole - out))[order])
        self.floats += whole
        return place


def make_plan(model: ResNet50, arithmetic: Arithmetic, numerics: str) -> dict[str, NDArray[Any]]:
    """Returns the arrays of the plan of ``model``, strides pulled back or not.

    ``steps`` is int64 (steps, fields), ``of_step`` float32 (steps, 2), ``weights`` uint8,
    ``scales`` and ``biases`` float32, ``shape`` int64 (values in the arena, input, input's row),
    ``input`` float32 (scale, zero).
    """
    layout = _Layout(numerics)
    entry, image = _stem(layout, arithmetic)
    blocks = list(named_blocks(model))
    for number, (name, block) in enumerate(blocks):
        layout.late = name.startswith("layer4")
        next_late = number + 1 < len(blocks) and blocks[number + 1][0].startswith("layer4")
        image = _block(layout, arithmetic, name, block, image, hands_over=next_late)
    _head(layout, arithmetic, image)
    steps = [[step.get(name, 0) for name in STEP_FIELDS] for step in layout.steps]
    return {
        "steps": np.array(steps, np.int64),
        "of_step": np.array(layout.of_step, np.float32),
        "weights": np.concatenate(layout.weights),
        "scales": np.concatenate(layout.scales),
        "biases": np.concatenate(layout.biases),
        "shape": np.array([layout.values, entry, _input_row()], np.int64),
        "input": np.array([arithmetic.input_scale, arithmetic.input_zero], np.float32),
    }


def write_plan(plan: dict[str, NDArray[Any]], folder: Path) -> None:
    """Writes ``plan.npz`` into ``folder``, which must not exist."""
    folder.mkdir()
    arrays: dict[str, Any] = dict(plan)
    np.savez(folder / PLAN_FILE, **arrays)


def _input_row() -> int:
    return _INPUT_SIDE * _COLOURS


def _stem(layout: _Layout, arithmetic: Arithmetic) -> tuple[int, _Place]:
    """The 7×7 convolution reads 7 pixels, which lie side by side, as one of 21 channels."""
    _, group = _VALUES[layout.numerics]
    entry = layout.reserve(_INPUT_SIDE * _input_row())
    layer = arithmetic.layers["conv1"]
    out, colours, rows, columns = layer.weight.shape
    taps = layer.weight.transpose(0, 2, 3, 1).reshape(out, rows, 1, columns * colours)
    taps = np.pad(taps, ((0, 0), (0, 0), (0, 0), (0, -taps.shape[3] % group)))
    wide = layout.place("stem", INPUT_SIZE // 2, out, border=1)
    layout.step(
        _CONVOLUTION,
        (1.0, 0.0),
        **_from(entry, _COLOURS, _input_row(), 0),
        **_to(wide),
        **layout.pack(layer, taps),
        kernel_rows=rows,
        kernel_columns=1,
        groups=taps.shape[3] // group,
        stride=2,
        height=_INPUT_SIDE,
    )
    pooled = layout.place("x", wide.side // 2, out)
    layout.step(
        _MAX_POOL, (1.0, 0.0), **_from(wide.at, wide.pixel, wide.row, wide.image), **_to(pooled)
    )
    return entry, pooled


def _block(
    layout: _Layout,
    arithmetic: Arithmetic,
    name: str,
    block: Bottleneck,
    source: _Place,
    *,
    hands_over: bool,
) -> _Place:
    """Three convolutions; what the shortcut gives is added in the registers of the third."""
    layers = arithmetic.layers
    reduced = layout.place(
        "reduced", source.side // block.conv1.stride[0], block.conv1.out_channels, border=1
    )
    _convolve(layout, layers[f"{name}.conv1"], block.conv1, source, reduced)
    spatial = layout.place(
        "spatial", reduced.side // block.conv2.stride[0], block.conv2.out_channels
    )
    _convolve(layout, layers[f"{name}.conv2"], block.conv2, reduced, spatial)
    channels = block.conv3.out_channels
    shortcut, step = source, source.side // spatial.side
    other = "y" if source.name == "x" else "x"
    if isinstance(block.downsample, nn.Sequential):
        shortcut, step = layout.place(other, spatial.side, channels), 1
        projection = block.downsample[0]
        _convolve(
            layout,
            layers[f"{name}.downsample.0"],
            projection,
            source,
            shortcut,
            rectified=False,
        )
    if hands_over:
        target = layout.place("group", spatial.side, channels, images=GROUP)
    elif step == 1:
        target = shortcut  # added to where it lies: half the memory, so that more of it stays in L2
    else:
        target = layout.place(other, spatial.side, channels)
    _convolve(layout, layers[f"{name}.conv3"], block.conv3, spatial, target, added=(shortcut, step))
    return target


def _convolve(
    layout: _Layout,
    layer: LayerArithmetic,
    convolution: nn.Conv2d,
    source: _Place,
    target: _Place,
    *,
    rectified: bool = True,
    added: tuple[_Place, int] | None = None,
) -> None:
    _, group = _VALUES[layout.numerics]
    taps = layer.weight.transpose(0, 2, 3, 1)
    _, rows, columns, channels = taps.shape
    # Kernel columns whose pixels lie side by side are one run of channels.
    runs = 1 if source.pixel == channels else columns
    residual = {}
    if added is not None:
        shortcut, step = added
        residual = {
            "residual": shortcut.at,
            "residual_image": shortcut.image,
            "residual_pixel": step * shortcut.pixel,
            "residual_row": step * shortcut.row,
        }
    layout.step(
        _CONVOLUTION,
        (layer.residual_scale, 0.0 if rectified else -np.inf),
        **_from(source.at, source.pixel, source.row, source.image),
        **_to(target),
        **residual,
        **layout.pack(layer, taps),
        kernel_rows=rows,
        kernel_columns=runs,
        groups=channels * columns // runs // group,
        stride=convolution.stride[0],
        padding=source.border,
        height=source.side,
    )


def _head(layout: _Layout, arithmetic: Arithmetic, source: _Place) -> None:
    _, group = _VALUES[layout.numerics]
    mean = layout.place("mean", 1, FEATURES)
    layout.step(
        _AVERAGE,
        (1 / source.side**2, 0.0),
        **_from(source.at, source.pixel, source.row, source.image),
        **_to(mean),
        height=source.side,
    )
    layer = arithmetic.layers["fc"]
    layout.step(
        _CLASSIFY,
        (1.0, -np.inf),
        **_from(mean.at, mean.pixel, mean.row, mean.image),
        **layout.pack(layer, layer.weight.transpose(0, 2, 3, 1), logits=True),
        groups=FEATURES // group,
        size_out=CLASSES,
        channels_out=-(-CLASSES // _PANEL) * _PANEL,
    )


def _from(at: int, pixel: int, row: int, image: int) -> dict[str, int]:
    return {"in": at, "in_pixel": pixel, "in_row": row, "in_image": image}


def _to(place: _Place) -> dict[str, int]:
    return {
        "out": place.inside,
        "out_pixel": place.pixel,
        "out_row": place.row,
        "out_image": place.image,
        "size_out": place.side,
        "channels_out": place.channels,
    }


def _bfloat16(array: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Rounds to nearest, ties to even."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    rounded = bits + 0x7FFF + ((bits >> 16) & 1)
    return (rounded >> 16).astype(np.uint16)
