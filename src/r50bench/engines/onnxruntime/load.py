"""Loads ONNX Runtime with the provider of the spec's device."""

from __future__ import annotations

from r50bench.engines.base import Engine, EngineSpec

__all__ = ["load"]


def load(spec: EngineSpec) -> Engine:
    """Returns the engine; see :class:`.EngineDescriptor`."""
    if spec.device == "cuda":
        from r50bench.engines.onnxruntime.cuda import CudaOnnxRuntimeEngine

        return CudaOnnxRuntimeEngine(spec)
    from r50bench.engines.onnxruntime.engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(spec)
