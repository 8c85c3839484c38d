"""The int8 kernels' 16 bits beside exact arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from r50bench.engines.r50.amx_weights import one_sum, sixteen_bit
from r50bench.engines.r50.layers import LayerArithmetic
from r50bench.errors import EngineError

CHANNELS = 64


def a_layer(rng, spread, residual_scale=1.0):
    scale = 2e-3 * np.exp(rng.uniform(-spread, spread, CHANNELS))
    weight = rng.integers(-127, 128, (CHANNELS, 64, 1, 1)).astype(np.int8)
    bias = rng.normal(0, 40, CHANNELS)
    return LayerArithmetic(
        weight, scale.astype(np.float32), bias.astype(np.float32), residual_scale
    )


def documented(words, sums, residual=None):
    t = np.clip(sums >> words.shift, -32768, 32767)
    t = np.clip(t + words.bias.astype(np.int64), -32768, 32767)
    if residual is not None:
        t = np.clip(t + (residual * words.residual.astype(np.int64) >> 8), -32768, 32767)
    return np.clip((t * words.multiplier.astype(np.int64) + 2**14) >> 15, 0, 255)


@pytest.mark.parametrize("spread", [0.2, 0.7, 1.4])
@pytest.mark.parametrize("residual_scale", [None, 0.3, 1.0])
def test_the_formula_is_within_one_quantum_of_the_exact_one(spread, residual_scale):
    rng = np.random.default_rng(5)
    adds = residual_scale is not None
    layer = a_layer(rng, spread, residual_scale or 1.0)
    quanta = rng.uniform(-300, 500, (2000, CHANNELS))
    sums = np.rint(quanta / layer.scale).astype(np.int64)
    residual = rng.integers(0, 256, sums.shape) if adds else None
    words = sixteen_bit(layer, adds=adds)
    assert np.array_equal(words.weight, layer.weight)
    exact = sums * layer.scale.astype(np.float64) + layer.bias
    if residual is not None:
        exact = exact + residual * layer.residual_scale
    differences = np.abs(documented(words, sums, residual) - np.clip(np.rint(exact), 0, 255))
    assert differences.max() <= 1
    assert differences.mean() < 0.12


def test_a_channel_of_a_tiny_scale_gets_coarser_weights_and_keeps_its_bias():
    rng = np.random.default_rng(6)
    layer = a_layer(rng, 0.2)
    scale = layer.scale.copy()
    scale[3] *= 1e-6
    words = sixteen_bit(replace(layer, scale=scale), adds=False)
    assert not words.weight[3].any()
    found = documented(words, np.zeros((1, CHANNELS), np.int64))[0, 3]
    assert abs(found - np.clip(layer.bias[3], 0, 255)) <= 1


def test_scales_that_sixteen_bits_cannot_hold_are_refused():
    layer = a_layer(np.random.default_rng(7), 0.2)
    with pytest.raises(EngineError, match="16 bits"):
        sixteen_bit(replace(layer, scale=layer.scale * 1000), adds=False)


def test_one_sum_keeps_the_coarser_scale_of_a_channel_and_adds_the_biases():
    rng = np.random.default_rng(8)
    expand = a_layer(rng, 0.7, residual_scale=0.5)
    shortcut = a_layer(rng, 0.7)
    first, second = one_sum(expand, shortcut)
    assert np.array_equal(first.scale, second.scale)
    assert np.array_equal(first.scale, np.maximum(expand.scale, shortcut.scale * 0.5))
    assert np.allclose(first.bias, expand.bias + 0.5 * shortcut.bias)
    for kept, before, scale in (
        (first, expand, expand.scale),
        (second, shortcut, shortcut.scale * 0.5),
    ):
        error = (
            kept.weight * kept.scale[:, None, None, None]
            - before.weight * scale[:, None, None, None]
        )
        assert (np.abs(error) <= 0.501 * kept.scale[:, None, None, None]).all()
