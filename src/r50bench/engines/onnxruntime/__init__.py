"""ONNX Runtime, a peer."""

from __future__ import annotations

from r50bench.engines.base import EngineDescriptor

__all__ = ["DESCRIPTOR"]

DESCRIPTOR = EngineDescriptor(
    name="onnxruntime",
    framework="ONNX Runtime",
    query_word="onnxruntime",
    load="r50bench.engines.onnxruntime.engine:OnnxRuntimeEngine",
    evidence="r50bench.engines.onnxruntime.evidence:rule",
    prepare="r50bench.engines.onnxruntime.prepare:prepare",
    numerics={"cpu": frozenset({"fp32", "int8"})},
    packages=("onnxruntime", "onnx"),
    install="pip install 'r50bench[peers]'",
    among_peers=True,
    quantised_by="ONNX Runtime's quantize_static",
)
