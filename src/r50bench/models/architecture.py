"""The layers of ResNet-50, from which the module is built and its operations are counted.

v1 is the graph of He et al. 2015 (https://arxiv.org/abs/1512.03385): where a stage halves the
picture, the stride lies on the block's first 1×1 convolution. v1.5 puts it on the 3×3, as
torchvision does. Names are those of torchvision's state dict. No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "CLASSES",
    "FEATURES",
    "GRAPHS",
    "INPUT_SIZE",
    "STEM",
    "Block",
    "Convolution",
    "stages",
    "tensor_shapes",
]

GRAPHS = ("v1", "v1.5")
INPUT_SIZE = 224
FEATURES = 2048
CLASSES = 1000
_BLOCKS_PER_STAGE = (3, 4, 6, 3)
_EXPANSION = 4


@dataclass(frozen=True)
class Convolution:
    """A square convolution without bias, followed by a batch-norm; padded to keep the size."""

    name: str
    norm: str
    channels_in: int
    channels_out: int
    kernel: int
    stride: int

    @property
    def padding(self) -> int:
        """Zeros on each side."""
        return self.kernel // 2

    def size_out(self, size: int) -> int:
        """Returns the output's height and width for an input of ``size`` × ``size``."""
        return (size + 2 * self.padding - self.kernel) // self.stride + 1


STEM = Convolution("conv1", "bn1", 3, 64, kernel=7, stride=2)
"""The first layer; a 3×3 max-pool of stride 2 follows."""


@dataclass(frozen=True)
class Block:
    """A bottleneck: three convolutions in a row beside a shortcut, added up before the last ReLU.

    ``shortcut`` is a 1×1 convolution where the shape changes, None where the input passes as is.
    """

    name: str
    convolutions: tuple[Convolution, Convolution, Convolution]
    shortcut: Convolution | None

    @property
    def stride(self) -> int:
        """The factor by which the block shrinks height and width."""
        return self.convolutions[0].stride * self.convolutions[1].stride


def stages(graph: str) -> tuple[tuple[Block, ...], ...]:
    """Returns the four stages of ``graph``, each a row of blocks, from input to output."""
    if graph not in GRAPHS:
        raise ValueError(f"unknown graph {graph!r}")
    channels = STEM.channels_out
    rows = []
    for index, count in enumerate(_BLOCKS_PER_STAGE):
        width = STEM.channels_out * 2**index
        blocks = []
        for position in range(count):
            stride = 2 if index > 0 and position == 0 else 1
            name = f"layer{index + 1}.{position}"
            blocks.append(_block(graph, name, channels, width, stride, project=position == 0))
            channels = width * _EXPANSION
        rows.append(tuple(blocks))
    return tuple(rows)


def tensor_shapes(graph: str) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every float32 tensor of the state dict, by torchvision's name."""
    convolutions = [STEM]
    for block in (block for stage in stages(graph) for block in stage):
        convolutions += block.convolutions
        if block.shortcut is not None:
            convolutions.append(block.shortcut)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in convolutions:
        square = (layer.kernel, layer.kernel)
        shapes[f"{layer.name}.weight"] = (layer.channels_out, layer.channels_in, *square)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{layer.norm}.{part}"] = (layer.channels_out,)
    shapes["fc.weight"] = (CLASSES, FEATURES)
    shapes["fc.bias"] = (CLASSES,)
    return shapes


def _block(
    graph: str, name: str, channels: int, width: int, stride: int, *, project: bool
) -> Block:
    wide = width * _EXPANSION
    on_first, on_second = (stride, 1) if graph == "v1" else (1, stride)
    return Block(
        name,
        (
            Convolution(f"{name}.conv1", f"{name}.bn1", channels, width, 1, on_first),
            Convolution(f"{name}.conv2", f"{name}.bn2", width, width, 3, on_second),
            Convolution(f"{name}.conv3", f"{name}.bn3", width, wide, 1, 1),
        ),
        Convolution(f"{name}.downsample.0", f"{name}.downsample.1", channels, wide, 1, stride)
        if project
        else None,
    )
