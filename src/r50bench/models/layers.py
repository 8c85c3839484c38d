"""The layers that compute, one by one, with the operations and bytes that each cannot do without.

Two counts of multiply-accumulates exist. ``macs`` is everybody's: every tap of every kernel. The
outermost taps lie on the padding, where they multiply zeros; oneDNN and others leave them out, so
``macs_on_picture`` is what has to be computed. It is 3.4 % less over the whole of v1.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from r50bench.models.architecture import (
    CLASSES,
    FEATURES,
    INPUT_SIZE,
    STEM,
    Block,
    Convolution,
    stages,
)

__all__ = ["CLASSIFIER", "Layer", "layers", "operations_per_image"]

CLASSIFIER = "fc"


@dataclass(frozen=True)
class Layer:
    """One convolution, or the classifier as a 1×1 convolution of one pixel."""

    name: str
    channels_in: int
    channels_out: int
    kernel: int
    stride: int
    size_in: int
    size_out: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one picture, those on the padding included."""
        return self.channels_in * self.channels_out * self.kernel**2 * self.size_out**2

    @property
    def macs_on_picture(self) -> int:
        """Multiply-accumulates of one picture whose tap lies on a pixel."""
        return self.channels_in * self.channels_out * self._taps_on_picture() ** 2

    @property
    def weights(self) -> int:
        """Numbers in the kernel."""
        return self.channels_in * self.channels_out * self.kernel**2

    @property
    def inputs(self) -> int:
        """Numbers of one picture that must be read."""
        # Of what a 1×1 kernel steps over nothing is read.
        size = self.size_in if self.kernel >= self.stride else self.size_out
        return self.channels_in * size**2

    @property
    def outputs(self) -> int:
        """Numbers of one picture that are written."""
        return self.channels_out * self.size_out**2

    def _taps_on_picture(self) -> int:
        """Returns over how many pixels a row of outputs is summed up along one axis."""
        padding = self.kernel // 2
        starts = [output * self.stride - padding for output in range(self.size_out)]
        return sum(min(start + self.kernel, self.size_in) - max(start, 0) for start in starts)


def layers(graph: str, *, pulled_back: bool = False) -> tuple[Layer, ...]:
    """Returns the 53 convolutions and the classifier of ``graph``, in the order of the module.

    ``pulled_back``: as :func:`r50bench.models.strides.pull_strides_back` leaves v1; v1.5 has
    nothing to pull back.
    """
    blocks = [block for stage in stages(graph) for block in stage]
    if pulled_back:
        blocks = _pulled_back(blocks)
    size = STEM.size_out(INPUT_SIZE)
    computed = [_layer(STEM, INPUT_SIZE)]
    size = (size + 1) // 2  # the max-pool
    for block in blocks:
        computed += _block_layers(block, size)
        size = computed[-1].size_out
    return (*computed, Layer(CLASSIFIER, FEATURES, CLASSES, 1, 1, 1, 1))


def operations_per_image(computed: tuple[Layer, ...]) -> int:
    """Returns 2 × the multiply-accumulates of one picture that lie on pixels."""
    return 2 * sum(layer.macs_on_picture for layer in computed)


def _block_layers(block: Block, size: int) -> Iterator[Layer]:
    before = size
    for convolution in block.convolutions:
        layer = _layer(convolution, size)
        yield layer
        size = layer.size_out
    if block.shortcut is not None:
        yield _layer(block.shortcut, before)


def _layer(convolution: Convolution, size: int) -> Layer:
    return Layer(
        convolution.name,
        convolution.channels_in,
        convolution.channels_out,
        convolution.kernel,
        convolution.stride,
        size,
        convolution.size_out(size),
    )


def _pulled_back(blocks: list[Block]) -> list[Block]:
    """Moves the stride of a block's first convolution into the 3×3 of the block before it."""
    changed = list(blocks)
    for number, (_, following) in enumerate(pairwise(blocks)):
        first, *others = following.convolutions
        if first.stride == 1 or following.shortcut is None:
            continue
        reduce, spatial, expand = changed[number].convolutions
        changed[number] = replace(
            changed[number], convolutions=(reduce, replace(spatial, stride=first.stride), expand)
        )
        changed[number + 1] = replace(
            following,
            convolutions=(replace(first, stride=1), others[0], others[1]),
            shortcut=replace(following.shortcut, stride=1),
        )
    return changed
