"""Loads engine torch: compiled ahead on CPUs, by PyTorch's fused convolutions on a GPU."""

from __future__ import annotations

from r50bench.engines.base import EngineSpec
from r50bench.engines.torch.base import TorchEngine

__all__ = ["load"]


def load(spec: EngineSpec) -> TorchEngine:
    """Returns the engine that serves the spec's device; see :class:`.EngineDescriptor`."""
    if spec.device == "cuda":
        from r50bench.engines.torch.fused import FusedEngine

        return FusedEngine(spec)
    from r50bench.engines.torch.aot import AotEngine

    return AotEngine(spec)
