"""Kernels as oneDNN's log tells them, one for a layer of the model."""

from __future__ import annotations

from r50bench.engines.evidence.kernel_log import Primitive, Shape
from r50bench.models.layers import CLASSIFIER, Layer

__all__ = ["primitive_of"]


def primitive_of(
    layer: Layer,
    images: int,
    *,
    implementation: str = "brgconv",
    attributes: str = "",
    ms: float = 0.5,
    start_ms: float | None = None,
) -> Primitive:
    """Builds the kernel that computes ``layer`` for a batch of ``images``."""
    shape = Shape(
        images,
        layer.channels_in,
        layer.channels_out,
        layer.kernel,
        layer.stride,
        layer.size_in,
        layer.size_out,
    )
    kind = "matmul" if layer.name == CLASSIFIER else "convolution"
    return Primitive(kind, implementation, attributes, shape, ms, start_ms)
