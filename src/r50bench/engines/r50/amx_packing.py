"""Each layer's weights as the kernels for AMX read them: packed once, for all of a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from r50bench.engines.r50.amx_layout import LINE
from r50bench.engines.r50.amx_weights import (
    bfloat16,
    bias_constants,
    logit_constants,
    one_sum,
    pack,
    sixteen_bit,
    steps_of,
    word_constants,
)
from r50bench.engines.r50.layers import Arithmetic, LayerArithmetic, named_blocks
from r50bench.models.architecture import CLASSES
from r50bench.models.resnet50 import ResNet50

__all__ = ["EVERY", "NUMERICS", "AmxNumerics", "PackedLayer", "Packer"]

_IN_L1 = 512  # bytes of a sum's terms, of which the weights for 64 channels stay in L1
EVERY = 1 << 30
"""Where there is no need for a limit."""


class AmxNumerics(NamedTuple):
    """``group``: values that one instruction adds up; ``fused``: stages, from 0, whose first block
    adds its shortcut in the tiles; ``images``: at most, of a group, by stage."""

    value_bytes: int
    group: int
    fused: int
    images: tuple[int, int, int, int]


NUMERICS: Final = {
    "int8": AmxNumerics(1, 4, 2, (1, 2, 8, 16)),
    "bf16": AmxNumerics(2, 2, 4, (1, 1, 2, 16)),
    "bf32": AmxNumerics(2, 2, 4, (1, 1, 2, 16)),
}


@dataclass
class _Weights:
    """Every layer's packed weights and constants, in the order in which they are run."""

    weights: list[NDArray[np.uint8]] = field(default_factory=list)
    constants: list[NDArray[np.uint8]] = field(default_factory=list)
    weight_bytes: int = 0
    constant_bytes: int = 0

    def add(self, packed: NDArray[Any], constants: NDArray[np.uint8]) -> dict[str, int]:
        """Returns the fields of a step that say where they are."""
        fields = {
            "weights": self.weight_bytes,
            "constants": self.constant_bytes,
            "panel_constants": constants.shape[1],
            "panels": len(constants),
        }
        self.weights.append(packed.reshape(-1).view(np.uint8))
        self.weight_bytes += packed.nbytes
        whole = np.pad(constants.reshape(-1), (0, -constants.size % LINE))
        self.constants.append(whole)
        self.constant_bytes += len(whole)
        return fields


class PackedLayer(NamedTuple):
    """A convolution as it is run: with the shortcut's, where both are one sum."""

    fields: dict[str, int]
    kernel: int
    stride: int
    channels: int


class Packer:
    """Packs each layer once; its fields go into every variant's step."""

    def __init__(self, model: ResNet50, arithmetic: Arithmetic, numerics: str) -> None:
        self.numerics = NUMERICS[numerics]
        self.wide = numerics == "bf32"
        self.packed = _Weights()
        layers = arithmetic.layers
        self.layers = {"conv1": self._stem(layers["conv1"])}
        for name, block in named_blocks(model):
            stage = int(name[len("layer")]) - 1
            for part in ("conv1", "conv2"):
                of_part = getattr(block, part)
                self._add(f"{name}.{part}", of_part.stride[0], layers[f"{name}.{part}"])
            shortcut = layers.get(f"{name}.downsample.0")
            expand = layers[f"{name}.conv3"]
            if shortcut is not None and stage < self.numerics.fused:
                self._add(f"{name}.conv3", 1, *one_sum(expand, shortcut))
                continue
            if shortcut is not None:
                assert isinstance(block.downsample, nn.Sequential)
                stride = block.downsample[0].stride[0]
                self._add(f"{name}.downsample.0", stride, shortcut)
            self._add(f"{name}.conv3", 1, expand, adds=True)
        self.layers["fc"] = self._classifier(layers["fc"])

    def _add(
        self,
        name: str,
        stride: int,
        layer: LayerArithmetic,
        second: LayerArithmetic | None = None,
        *,
        adds: bool = False,
    ) -> None:
        kernel = layer.weight.shape[2]
        terms = layer.weight[0].size + (0 if second is None else second.weight[0].size)
        terms *= self.numerics.value_bytes
        columns = 4 if terms <= _IN_L1 and kernel == 1 else 2
        fields = {"columns": columns, "rows": 4 // columns, "part": EVERY, "run": EVERY}
        if columns == 2:  # so that the weights of a part stay in L1, sums beside them in L2
            fields["part"] = 9 if kernel == 3 else _IN_L1 // LINE
        out = layer.weight.shape[0]
        both = [layer] if second is None else [layer, second]
        fields |= self._pack(both, columns, adds=adds)
        self.layers[name] = PackedLayer(fields, kernel, stride, out)

    def _pack(
        self, layers: list[LayerArithmetic], columns: int, *, adds: bool = False
    ) -> dict[str, int]:
        value_bytes, group = self.numerics.value_bytes, self.numerics.group
        shift = {}
        if group == 4:
            whole = LayerArithmetic(
                np.concatenate(
                    [layer.weight.reshape(len(layer.weight), -1) for layer in layers], 1
                )[:, :, None, None],
                layers[0].scale,
                layers[0].bias,
                layers[0].residual_scale,
            )
            words = sixteen_bit(whole, adds=adds)
            ends = np.cumsum([layer.weight[0].size for layer in layers])[:-1]
            parts = np.split(words.weight, ends, axis=1)
            weights = [
                part.reshape(layer.weight.shape) for part, layer in zip(parts, layers, strict=True)
            ]
            constants = word_constants(words, columns)
            shift = {"shift": words.shift}
        else:
            weights = [layer.weight for layer in layers]
            constants = bias_constants(layers[0].bias, columns)
        steps = np.concatenate([steps_of(weight, value_bytes) for weight in weights])
        return shift | self._place(steps, columns, constants)

    def _place(
        self,
        steps: NDArray[Any],
        columns: int,
        constants: NDArray[np.uint8],
        *,
        logits: bool = False,
    ) -> dict[str, int]:
        packed = pack(steps, columns, group=self.numerics.group, logits=logits)
        stored = packed if self.numerics.group == 4 else bfloat16(packed)
        return self.packed.add(stored, constants)

    @property
    def _rows_of_line(self) -> int:
        return 2 // self.numerics.value_bytes

    def _stem(self, layer: LayerArithmetic) -> PackedLayer:
        """A row of the kernel is a run of 7 · 3 values: a line, in int8 half a line."""
        out, colours, rows, columns = layer.weight.shape
        part = LINE // self.numerics.value_bytes // self._rows_of_line
        runs = layer.weight.transpose(0, 2, 3, 1).reshape(out, rows, columns * colours)
        spare = -rows % self._rows_of_line
        whole = np.pad(runs, ((0, 0), (0, spare), (0, part - columns * colours)))
        as_channels = whole.reshape(out, -1, 1, 1)
        fields = self._pack([LayerArithmetic(as_channels, layer.scale, layer.bias)], 4)
        fields |= {"columns": 4, "rows": 1, "part": EVERY, "run": EVERY}
        return PackedLayer(fields, 7, 2, out)

    def _classifier(self, layer: LayerArithmetic) -> PackedLayer:
        steps = steps_of(layer.weight, self.numerics.value_bytes)
        fields = self._place(steps, 4, logit_constants(layer, 4), logits=True)
        fields |= {"columns": 4, "rows": 1, "part": EVERY, "run": EVERY}
        return PackedLayer(fields, 1, 1, CLASSES)
