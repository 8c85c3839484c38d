"""The kernels of r50bench's own, generated for one plan per model."""

from __future__ import annotations

from r50bench.engines.base import EngineDescriptor
from r50bench.engines.r50.kernel_sets import KERNEL_SETS, lacking
from r50bench.precision import numerics_of

__all__ = ["DESCRIPTOR"]

DESCRIPTOR = EngineDescriptor(
    name="r50",
    framework="r50bench",
    query_word="r50bench",
    load="r50bench.engines.r50.load:load",
    evidence="r50bench.engines.r50.evidence:rule",
    prepare="r50bench.engines.r50.prepare:prepare",
    numerics={"cpu": frozenset(numerics_of(precision) for precision in KERNEL_SETS)},
    lacking=lacking,
    shares_weights=True,
    allocator="faster",
    packages=("torch",),
    int8_packages=("torchao",),
    times_layers=True,
    among_peers=True,
    preparation="batch-norms folded, weights laid out ahead of time for the kernels that read them",
    quantised_by="PyTorch's PT2E",
)
