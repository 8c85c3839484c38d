"""Each layer's arithmetic as the kernels of ours do it: weights, and what follows the sum.

An output is ``sum · scale + bias + residual · residual_scale``, by output channel, in the values
that the next layer reads: real numbers in float32 and bfloat16, quanta in int8.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from r50bench.models.resnet50 import Bottleneck, ResNet50

__all__ = ["Arithmetic", "LayerArithmetic", "float_arithmetic", "int8_arithmetic", "named_blocks"]

_Floats = NDArray[np.float32]
_SHORTCUT = ".downsample.0"


@dataclass(frozen=True)
class LayerArithmetic:
    """``weight`` is (out, in, height, width), float32 or int8; ``scale``, ``bias`` are (out,)."""

    weight: NDArray[Any]
    scale: _Floats
    bias: _Floats
    residual_scale: float = 1.0


@dataclass(frozen=True)
class Arithmetic:
    """All layers by the name of their convolution; the first input is ``x · scale + zero``."""

    layers: dict[str, LayerArithmetic]
    input_scale: float = 1.0
    input_zero: float = 0.0


def named_blocks(model: ResNet50) -> Iterator[tuple[str, Bottleneck]]:
    """Yields the blocks with their names, such as ``layer1.0``, from input to output."""
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        for position, block in enumerate(getattr(model, stage)):
            yield f"{stage}.{position}", block


def float_arithmetic(model: ResNet50) -> Arithmetic:
    """Returns the layers of ``model`` with their batch-norms folded in."""
    layers = {"conv1": _folded(model.conv1, model.bn1)}
    for name, block in named_blocks(model):
        for part in ("1", "2", "3"):
            layers[f"{name}.conv{part}"] = _folded(
                getattr(block, f"conv{part}"), getattr(block, f"bn{part}")
            )
        if isinstance(block.downsample, nn.Sequential):
            layers[name + _SHORTCUT] = _folded(*block.downsample)
    weight = model.fc.weight.detach().numpy()[:, :, None, None]
    layers["fc"] = LayerArithmetic(weight, _ones(weight), model.fc.bias.detach().numpy())
    return Arithmetic(layers)


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> LayerArithmetic:
    weight, bias = fuse_conv_bn_weights(
        convolution.weight,
        None,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    array = weight.detach().contiguous().numpy()
    return LayerArithmetic(array, _ones(array), bias.detach().numpy())


def _ones(weight: NDArray[Any]) -> _Floats:
    return np.ones(len(weight), np.float32)


# --- int8: read out of the graph that PT2E made -------------------------------------------------


@dataclass(frozen=True)
class _Quantum:
    """An activation's quantisation: real = scale · (quanta − zero)."""

    scale: float
    zero: int


@dataclass(frozen=True)
class _Multiplication:
    """A convolution or the classifier in the graph.

    ``addend`` is the quantisation of what is added to it, that of ``source`` where nothing is.
    """

    weight: NDArray[np.int8]
    weight_scale: _Floats
    bias: _Floats
    source: _Quantum
    addend: _Quantum


def int8_arithmetic(model: ResNet50, graph: torch.fx.GraphModule) -> Arithmetic:
    """Returns the layers of ``model`` with the quantisation of ``graph``.

    ``graph`` is what :func:`.int8.quantise` made of the same model. Each layer's output gets the
    quanta that its reader reads, as in the graph.
    """
    names = list(_names_in_order(model))
    found = dict(zip(names, _multiplications(graph), strict=True))
    on_path = [name for name in names if not name.endswith(_SHORTCUT)]
    # The mean over the last picture keeps the quanta; the logits are real numbers.
    targets = {name: found[reader].source for name, reader in pairwise(on_path)}
    targets["fc"] = _Quantum(1.0, 0)
    added: dict[str, _Quantum] = {}
    for name, block in named_blocks(model):
        expand = f"{name}.conv3"
        added[expand] = found[f"{name}.conv1"].source  # the block's input, as it lies there
        if isinstance(block.downsample, nn.Sequential):
            added[expand] = targets[name + _SHORTCUT] = found[expand].addend
    layers = {name: _int8_layer(one, targets[name], added.get(name)) for name, one in found.items()}
    source = found["conv1"].source
    return Arithmetic(layers, 1 / source.scale, source.zero)


def _int8_layer(
    one: _Multiplication, target: _Quantum, residual: _Quantum | None
) -> LayerArithmetic:
    scale = one.source.scale * one.weight_scale.astype(np.float64)
    sums = one.weight.astype(np.int64).sum(axis=(1, 2, 3))
    bias = (one.bias - one.source.zero * sums * scale) / target.scale + target.zero
    residual_scale = 1.0
    if residual is not None:
        residual_scale = residual.scale / target.scale
        bias = bias - residual.zero * residual_scale
    return LayerArithmetic(
        one.weight,
        (scale / target.scale).astype(np.float32),
        bias.astype(np.float32),
        residual_scale,
    )


def _names_in_order(model: ResNet50) -> Iterator[str]:
    """Yields the convolutions as :meth:`.Bottleneck.forward` calls them, then the classifier."""
    yield "conv1"
    for name, block in named_blocks(model):
        yield from (f"{name}.conv1", f"{name}.conv2", f"{name}.conv3")
        if isinstance(block.downsample, nn.Sequential):
            yield name + _SHORTCUT
    yield "fc"


def _multiplications(graph: torch.fx.GraphModule) -> Iterator[_Multiplication]:
    aten = torch.ops.aten
    for node in graph.graph.nodes:
        if node.target not in (aten.conv2d.default, aten.linear.default):
            continue
        source, weight, bias = node.args[:3]
        quanta, scales = (_constant(graph, one) for one in weight.args[:2])
        shape = (*quanta.shape, 1, 1)[:4]
        yield _Multiplication(
            quanta.reshape(shape).contiguous().numpy(),
            scales.float().numpy(),
            _constant(graph, bias).detach().float().numpy(),
            _quantum(source),
            _addend(node),
        )


def _addend(node: torch.fx.Node) -> _Quantum:
    (user,) = node.users
    adds = user.target is torch.ops.aten.add.Tensor and user.args[0] is node
    return _quantum(user.args[1] if adds else node.args[0])


def _quantum(node: torch.fx.Node) -> _Quantum:
    return _Quantum(float(node.args[1]), int(node.args[2]))


def _constant(graph: torch.fx.GraphModule, node: torch.fx.Node) -> torch.Tensor:
    return attrgetter(node.target)(graph)
