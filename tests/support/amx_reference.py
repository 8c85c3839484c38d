"""ResNet-50 as the kernels for AMX document it, layer by layer in plain arithmetic."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from r50bench.engines.r50.amx_weights import bfloat16, one_sum, sixteen_bit
from r50bench.engines.r50.layers import Arithmetic, LayerArithmetic, named_blocks
from r50bench.models.resnet50 import build_model
from r50bench.models.strides import pull_strides_back

__all__ = ["float_logits", "int8_logits", "random_int8", "short_model", "whole_quanta"]


def short_model(graph: str):
    """Returns the graph with two blocks a stage: every shape of layer, in half the time."""
    model = build_model(graph, "random:7")
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        setattr(model, stage, nn.Sequential(*list(getattr(model, stage))[:2]))
    return pull_strides_back(model)


def random_int8(model, seed: int) -> Arithmetic:
    """Returns int8 layers whose outputs spread over all quanta; a few channels' scales are tiny."""
    rng = np.random.default_rng(seed)

    def layer(weight, *, logits: bool = False):
        out, terms = len(weight), math.prod(weight.shape[1:])
        scale = 60 / (np.sqrt(terms) * 40 * 60) * np.exp(rng.normal(0, 0.4, out))
        scale[:: max(1, out // 3)] *= 1e-4
        if logits:
            scale *= 0.01
        return LayerArithmetic(
            rng.integers(-100, 101, tuple(weight.shape)).astype(np.int8),
            scale.astype(np.float32),
            rng.normal(0 if logits else 20, 30, out).astype(np.float32),
        )

    layers = {"conv1": layer(model.conv1.weight)}
    for name, block in named_blocks(model):
        for part in ("conv1", "conv2"):
            layers[f"{name}.{part}"] = layer(getattr(block, part).weight)
        layers[f"{name}.conv3"] = replace(
            layer(block.conv3.weight), residual_scale=float(rng.uniform(0.4, 0.9))
        )
        if isinstance(block.downsample, nn.Sequential):
            layers[f"{name}.downsample.0"] = layer(block.downsample[0].weight)
    layers["fc"] = layer(model.fc.weight[:, :, None, None], logits=True)
    return Arithmetic(layers, 30.0, 120.0)


def whole_quanta(model, seed: int) -> Arithmetic:
    """Returns int8 layers of which every output is a whole number of quanta before it is rounded.

    A channel adds two of its inputs and takes off a third; of a shortcut it is one of them, which
    255 quanta can hold. The classifier, whose sums are not rounded, is as anywhere.
    """
    rng = np.random.default_rng(seed)

    def layer(weight, values: tuple[int, ...], low: int, high: int):
        taps = np.zeros((len(weight), math.prod(weight.shape[1:])), np.int8)
        for channel in taps:
            channel[rng.choice(channel.size, len(values), replace=False)] = values
        return LayerArithmetic(
            taps.reshape(tuple(weight.shape)),
            np.full(len(weight), 1 / 64, np.float32),
            rng.integers(low, high + 1, len(weight)).astype(np.float32),
        )

    mixed = (64, 64, -64)
    layers = {"conv1": layer(model.conv1.weight, mixed, -80, 0)}
    for name, block in named_blocks(model):
        for part in ("conv1", "conv2"):
            layers[f"{name}.{part}"] = layer(getattr(block, part).weight, mixed, -60, 40)
        layers[f"{name}.conv3"] = layer(block.conv3.weight, mixed, -160, -20)
        if isinstance(block.downsample, nn.Sequential):
            layers[f"{name}.downsample.0"] = layer(block.downsample[0].weight, (64,), 0, 0)
    layers["fc"] = random_int8(model, seed).layers["fc"]
    return Arithmetic(layers, 30.0, 120.0)


def int8_logits(model, arithmetic: Arithmetic, pictures, fused_stages: int = 2):
    """Returns the logits by the formula of finish.h; every bit is what the kernels must give."""
    layers = arithmetic.layers
    scaled = pictures.astype(np.float64) * arithmetic.input_scale + arithmetic.input_zero
    x = np.clip(np.rint(scaled.astype(np.float32)), 0, 255)  # as a fused multiplication rounds
    x = np.pad(x, ((0, 0), (0, 0), (3, 3), (3, 3)), constant_values=int(arithmetic.input_zero))
    x = _layer(x, layers["conv1"], stride=2, padding=0)
    x = nn.functional.max_pool2d(torch.from_numpy(x), 3, 2, 1).numpy()
    for name, block in named_blocks(model):
        source = x
        for part in ("conv1", "conv2"):
            of_part = getattr(block, part)
            x = _layer(x, layers[f"{name}.{part}"], of_part.stride[0], of_part.padding[0])
        expand, shortcut = layers[f"{name}.conv3"], layers.get(f"{name}.downsample.0")
        stage = int(name[len("layer")]) - 1
        if shortcut is None:
            step = source.shape[2] // x.shape[2]
            x = _layer(x, expand, residual=source[:, :, ::step, ::step])
        elif stage < fused_stages:
            step = source.shape[2] // x.shape[2]
            both = one_sum(expand, shortcut)
            weight = np.concatenate([layer.weight for layer in both], 1)
            whole = np.concatenate([x, source[:, :, ::step, ::step]], 1)
            x = _layer(whole, replace(both[0], weight=weight))
        else:
            residual = _layer(source, shortcut, block.downsample[0].stride[0])
            x = _layer(x, expand, residual=residual)
    sums = x.sum(axis=(2, 3), dtype=np.float32)
    mean = np.clip(np.rint(sums * np.float32(1 / 49)), 0, 255)
    fc = layers["fc"]
    of_fc = mean.astype(np.int64) @ fc.weight[:, :, 0, 0].T.astype(np.int64)
    exact = of_fc * fc.scale.astype(np.float64) + fc.bias  # a fused multiplication rounds once
    return exact.astype(np.float32)


def _sums(x, weight, stride: int, padding: int):
    """Exact: halves of the weights, so that no sum leaves what float32 holds."""
    high = np.rint(weight / 16).astype(np.float32)
    low = weight.astype(np.float32) - 16 * high
    source = torch.from_numpy(np.ascontiguousarray(x, np.float32))
    parts = [
        nn.functional.conv2d(source, torch.from_numpy(half), stride=stride, padding=padding)
        for half in (high, low)
    ]
    return 16 * parts[0].numpy().astype(np.int64) + parts[1].numpy().astype(np.int64)


def _layer(x, layer: LayerArithmetic, stride: int = 1, padding: int = 0, residual=None):
    words = sixteen_bit(layer, adds=residual is not None)

    def by_channel(values):
        return values.astype(np.int64)[None, :, None, None]

    def sixteen(values):
        return np.clip(values, -32768, 32767)

    t = sixteen(_sums(x, words.weight, stride, padding) >> words.shift)
    t = sixteen(t + by_channel(words.bias))
    if residual is not None:
        t = sixteen(t + (residual.astype(np.int64) * by_channel(words.residual) >> 8))
    quanta = (t * by_channel(words.multiplier) + 2**14) >> 15
    return np.clip(quanta, 0, 255).astype(np.float32)


def float_logits(model, arithmetic: Arithmetic, pictures, *, wide: bool):
    """Returns the logits in bfloat16; ``wide``: outputs and residuals stay float32 (bf32)."""
    layers = arithmetic.layers

    def rounded(values):
        bits = bfloat16(values.numpy()).astype(np.uint32) << 16
        return torch.from_numpy(bits.view(np.float32))

    def product(x, name, stride=1, padding=0):
        weight = rounded(torch.from_numpy(layers[name].weight))
        bias = torch.from_numpy(layers[name].bias)
        return nn.functional.conv2d(rounded(x), weight, bias, stride=stride, padding=padding)

    def output(x):
        return x.relu() if wide else rounded(x.relu())

    x = output(product(torch.from_numpy(pictures), "conv1", 2, 3))
    x = nn.functional.max_pool2d(x, 3, 2, 1)
    for name, block in named_blocks(model):
        source = x
        x = output(product(x, f"{name}.conv1", block.conv1.stride[0]))
        x = output(product(x, f"{name}.conv2", block.conv2.stride[0], 1))
        step = source.shape[2] // x.shape[2]
        if isinstance(block.downsample, nn.Sequential):
            shortcut = product(source[:, :, ::step, ::step], f"{name}.downsample.0")
        else:
            shortcut = source[:, :, ::step, ::step]
        x = output(product(x, f"{name}.conv3") + shortcut)
    mean = x.mean(dim=(2, 3), keepdim=True)
    return product(mean, "fc").numpy()[:, :, 0, 0]
