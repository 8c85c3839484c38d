"""What the kernels for AMX run: every step with its place in memory, for groups of several sizes.

The weights are the same for all; a *variant* is the network over so many images at once. The worker
hands the arrays to ``kernels/amx/network.cpp``, whose ``Step`` mirrors :data:`STEP_FIELDS`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from r50bench.engines.r50.amx_layout import (
    LINE,
    TILE_ROWS,
    Layout,
    Tables,
    Tensor,
    kernel_offsets,
    tiles_of,
)
from r50bench.engines.r50.amx_packing import Packer
from r50bench.engines.r50.layers import Arithmetic, named_blocks
from r50bench.models.architecture import CLASSES, FEATURES, INPUT_SIZE
from r50bench.models.resnet50 import Bottleneck, ResNet50

__all__ = ["LAYER_FIELDS", "STEP_FIELDS", "VARIANTS", "make_amx_plan"]

STEP_FIELDS = (
    *("kind", "level"),
    *("in", "in_tiles", "in_offsets", "in_steps"),
    *("second", "second_tiles", "second_offsets", "second_steps"),
    "in_row",
    *("out", "out_rows", "out_plane", "out_group"),
    *("residual", "residual_rows", "residual_plane"),
    *("wide_out", "wide_residual"),
    *("tiles", "rows", "columns", "panels"),
    *("part", "run"),
    *("shift", "weights", "constants", "panel_constants"),
    *("positions", "group"),
)
LAYER_FIELDS = (
    *("step", "channels_in", "channels_out", "kernel", "stride", "size_in", "size_out", "adds"),
)
"""What a step computes, a row a layer: for the log. Kernel 0 is the classifier."""

_FRONT, _CONVOLUTION, _AVERAGE, _CLASSIFY = range(4)
_TILE_BYTES = TILE_ROWS * LINE
_IN_L2 = 1 << 20  # bytes of input that stay in L2 beside weights; more is passed over in runs
_RUN = 1 << 19

_BLOCK_OF_PLAN = 2 * 4 * _TILE_BYTES  # scratch for one block's sums, twice
_STEM_SIDE = INPUT_SIZE // 2


VARIANTS: Final = (1, 2, 4, 8, 16)
"""Images at once in the last stage."""


@dataclass
class _Arena:
    """Places for tensors: those with a border have their own, others share it by name."""

    bytes: int = 0
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def reserve(self, name: str, size: int) -> int:
        """Returns where ``size`` bytes are; the same for the same name, if they suffice."""
        at, room = self.places.get(name, (0, 0))
        if room < size:
            at, self.bytes = self.bytes, self.bytes + -(-size // LINE) * LINE
            self.places[name] = at, size
        return at


def make_amx_plan(
    model: ResNet50, arithmetic: Arithmetic, numerics: str
) -> dict[str, NDArray[Any]]:
    """Returns the arrays of the plan of ``model``, strides pulled back or not.

    ``steps`` is int64 (variants, steps, fields), ``groups`` int64 (variants, stages), ``tables``
    int32, ``weights`` and ``constants`` uint8, ``shape`` int64 (bytes of an arena, where its
    scratch begins), ``input`` float32 (scale, zero), ``layers`` int64 (layers, fields).
    """
    packer = Packer(model, arithmetic, numerics)
    arena, tables = _Arena(), Tables()
    steps, groups, sums = [], [], 0
    layers: list[tuple[int, ...]] = []
    for images in reversed(VARIANTS):  # the largest first: the others fit into its places
        variant = _Variant(model, packer, arena, tables, images)
        steps.append([[step.get(name, 0) for name in STEP_FIELDS] for step in variant.steps])
        groups.append(variant.images)
        sums = max(sums, variant.sums)
        layers = variant.layers
    scratch = -(-arena.bytes // _TILE_BYTES) * _TILE_BYTES
    front = 1 << 18
    return {
        "steps": np.array(steps[::-1], np.int64),
        "groups": np.array(groups[::-1], np.int64),
        "tables": tables.array(),
        "weights": np.concatenate(packer.packed.weights),
        "constants": np.concatenate(packer.packed.constants),
        "shape": np.array([scratch + _BLOCK_OF_PLAN + max(front, sums), scratch], np.int64),
        "input": np.array([arithmetic.input_scale, arithmetic.input_zero], np.float32),
        "layers": np.array(layers, np.int64),
    }


class _Variant:
    """The steps over ``images`` at once, from input to logits."""

    def __init__(
        self, model: ResNet50, packer: Packer, arena: _Arena, tables: Tables, images: int
    ) -> None:
        self._packer, self._arena, self._tables = packer, arena, tables
        self._numerics = packer.numerics
        self.images = tuple(min(images, most) for most in packer.numerics.images)
        self.steps: list[dict[str, int]] = []
        self.layers: list[tuple[int, ...]] = []
        self.sums = 0
        """Bytes for sums between parts."""
        self._level = 0
        image = self._front()
        blocks = list(named_blocks(model))
        for number, (name, block) in enumerate(blocks):
            following = blocks[number + 1] if number + 1 < len(blocks) else None
            self._level = int(name[len("layer")]) - 1
            image = self._block(name, block, image, following)
        self._head(image)

    def _tensor(
        self,
        name: str,
        side: int,
        channels: int,
        layout: Layout = Layout.FLAT,
        *,
        level: int | None = None,
        wide: bool = False,
    ) -> Tensor:
        group = self.images[self._level if level is None else level]
        tensor = Tensor(0, side, channels, group, layout, self._numerics.value_bytes)
        if tensor.border:
            name = f"{name} {side} {channels} {group} {layout.value}"
        at = self._arena.reserve(name, tensor.bytes)
        wide_at = -1
        if wide and self._packer.wide:
            wide_at = self._arena.reserve(f"{name} in float32", 2 * tensor.bytes)
        return Tensor(at, side, channels, group, layout, self._numerics.value_bytes, wide_at)

    def _step(self, kind: int, **fields: int) -> None:
        assert fields.keys() <= set(STEP_FIELDS)
        of_none = {"residual": -1, "wide_out": -1, "wide_residual": -1}
        self.steps.append({"kind": kind, "level": self._level, **of_none, **fields})

    def _computes(self, kernel: int, source: Tensor, target: Tensor, *, adds: bool = False) -> None:
        """Notes a layer of the next step."""
        sizes = (source.channels, target.channels, kernel)
        stride = max(1, source.side // target.side)
        row = (len(self.steps), *sizes, stride, source.side, target.side, int(adds))
        self.layers.append(row)

    def _front(self) -> Tensor:
        layer = self._packer.layers["conv1"]
        row = _STEM_SIDE * LINE
        rows_of_line = 2 // self._numerics.value_bytes
        tiles = np.arange(2)[:, None] * (2 // rows_of_line) * row
        tiles = tiles + np.arange(0, row, _TILE_BYTES)
        lines = np.arange(-(-7 // rows_of_line)) * row
        pooled = self._tensor("pooled", _STEM_SIDE // 2, layer.channels)
        y, x = (axis.reshape(-1) for axis in np.indices((pooled.side, pooled.side)))
        self.layers.append((0, 3, layer.channels, 7, 2, INPUT_SIZE, _STEM_SIDE, 0))
        self._step(
            _FRONT,
            **layer.fields,
            in_tiles=self._tables.place(tiles),
            in_offsets=self._tables.place(lines),
            in_steps=lines.size,
            in_row=LINE,
            tiles=tiles.size,
            out=pooled.at,
            out_rows=self._tables.place(np.arange(2 * _STEM_SIDE) * LINE),
            out_plane=pooled.plane,
            out_group=LINE,
            residual_rows=self._tables.place(pooled.lines(y, x) * LINE),
            group=pooled.group,
        )
        return pooled

    def _block(
        self, name: str, block: Bottleneck, source: Tensor, following: tuple[str, Bottleneck] | None
    ) -> Tensor:
        side = source.side // block.conv1.stride[0]
        stride = block.conv2.stride[0]
        layout = Layout.BORDERED if stride == 1 else Layout.BORDERED_SPLIT
        reduced = self._tensor("reduced", side, block.conv1.out_channels, layout)
        self._convolve(f"{name}.conv1", source, reduced)
        spatial = self._tensor("spatial", side // stride, block.conv2.out_channels)
        self._convolve(f"{name}.conv2", reduced, spatial)
        shortcut: Tensor | None = source
        projects = isinstance(block.downsample, nn.Sequential)
        fused = projects and self._level < self._numerics.fused
        if projects and not fused:
            shortcut = self._tensor("shortcut", spatial.side, block.conv3.out_channels)
            self._convolve(f"{name}.downsample.0", source, shortcut)
        target = self._target(name, block, source, spatial.side, following)
        if fused:
            self._convolve(f"{name}.conv3", spatial, target, second=source)
        else:
            self._convolve(f"{name}.conv3", spatial, target, residual=shortcut)
        return target

    def _target(
        self,
        name: str,
        block: Bottleneck,
        source: Tensor,
        side: int,
        following: tuple[str, Bottleneck] | None,
    ) -> Tensor:
        """Where a block ends: in place of what it adds to, or where the next stage begins."""
        channels = block.conv3.out_channels
        if following is None or following[0].startswith(name[: len("layer1")]):
            if source.channels == channels:
                return source
            return self._tensor(f"stage {self._level}", side, channels, wide=True)
        projection = following[1].downsample
        assert isinstance(projection, nn.Sequential)
        layout = Layout.SPLIT if projection[0].stride[0] == 2 else Layout.FLAT
        level = self._level + 1
        return self._tensor(f"into stage {level}", side, channels, layout, level=level, wide=True)

    def _convolve(
        self,
        name: str,
        source: Tensor,
        target: Tensor,
        *,
        second: Tensor | None = None,
        residual: Tensor | None = None,
    ) -> None:
        layer = self._packer.layers[name]
        fields = dict(layer.fields)
        tiling = tiles_of(source, layer.kernel, layer.stride, fields["rows"])
        offsets = kernel_offsets(source, layer.kernel)
        fields |= {
            "in": source.at,
            "in_tiles": self._tables.place(tiling.starts * LINE),
            "in_offsets": self._tables.place(offsets),
            "in_steps": len(offsets),
            "in_row": LINE,
            "tiles": len(tiling.starts),
            "out": target.at,
            "out_rows": self._tables.place(tiling.rows(target)),
            "out_plane": target.plane,
            "out_group": source.group * LINE if target.group > source.group else 0,
            "wide_out": target.wide_at,
            "group": source.group,
        }
        if second is not None:
            stride = second.side // source.side
            starts = tiles_of(second, 1, stride, fields["rows"]).starts
            assert len(starts) == len(tiling.starts)
            taps = kernel_offsets(second, 1)
            fields |= {
                "second": second.at,
                "second_tiles": self._tables.place(starts * LINE),
                "second_offsets": self._tables.place(taps),
                "second_steps": len(taps),
            }
        if residual is not None:
            step = residual.side // target.side
            fields |= {
                "residual": residual.at if residual.wide_at < 0 else -1,
                "residual_rows": self._tables.place(tiling.rows(residual, step)),
                "residual_plane": residual.plane,
                "wide_residual": residual.wide_at,
            }
        self._computes(
            layer.kernel, source, target, adds=second is not None or residual is not None
        )
        if second is not None:
            self._computes(1, second, target)
        terms = (fields["in_steps"] + fields.get("second_steps", 0)) * LINE
        if layer.kernel == 1 and fields["tiles"] * TILE_ROWS * terms > _IN_L2:
            fields["run"] = max(1, _RUN // (TILE_ROWS * terms * fields["rows"]))
        if fields["part"] * LINE < terms:
            self.sums = max(self.sums, len(tiling.starts) * fields["columns"] * _TILE_BYTES)
        self._step(_CONVOLUTION, **fields)

    def _head(self, source: Tensor) -> None:
        mean = self._tensor("mean", 1, FEATURES)
        self._step(
            _AVERAGE,
            **{"in": source.at},
            wide_residual=source.wide_at,
            in_row=source.plane,
            out=mean.at,
            out_plane=mean.plane,
            panels=source.planes,
            positions=source.side**2,
            group=source.group,
        )
        layer = self._packer.layers["fc"]
        offsets = kernel_offsets(mean, 1)
        self.layers.append((len(self.steps), FEATURES, CLASSES, 0, 1, 1, 1, 0))
        self._step(
            _CLASSIFY,
            **layer.fields,
            **{"in": mean.at},
            in_tiles=self._tables.place(np.zeros(1, np.int64)),
            in_offsets=self._tables.place(offsets),
            in_steps=len(offsets),
            in_row=LINE,
            tiles=1,
            group=mean.group,
        )
