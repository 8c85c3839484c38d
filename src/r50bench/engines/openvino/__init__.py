"""OpenVINO, a peer."""

from __future__ import annotations

from r50bench.engines.base import EngineDescriptor

__all__ = ["DESCRIPTOR"]

DESCRIPTOR = EngineDescriptor(
    name="openvino",
    framework="OpenVINO",
    query_word="openvino",
    load="r50bench.engines.openvino.engine:OpenVinoEngine",
    evidence="r50bench.engines.openvino.evidence:rule",
    prepare="r50bench.engines.openvino.prepare:prepare",
    numerics={"cpu": frozenset({"fp32", "bf16", "int8"})},
    allocator="system",
    packages=("openvino", "onnx"),
    int8_packages=("nncf",),
    install="pip install 'r50bench[peers]'",
    uses_onednn=True,
    among_peers=True,
    quantised_by="NNCF",
)
