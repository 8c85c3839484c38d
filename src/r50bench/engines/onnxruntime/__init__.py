"""ONNX Runtime, a peer."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from r50bench.engines.base import EngineDescriptor
from r50bench.host.topology import Host
from r50bench.precision import PRECISIONS

__all__ = ["DESCRIPTOR"]


def _lacking(host: Host, precision: str) -> str:
    if PRECISIONS[precision].device == "cpu":
        return ""
    try:
        version("onnxruntime-gpu")
    except PackageNotFoundError:
        return "its CUDA provider is not installed (pip install onnxruntime-gpu)"
    return ""


DESCRIPTOR = EngineDescriptor(
    name="onnxruntime",
    framework="ONNX Runtime",
    query_word="onnxruntime",
    load="r50bench.engines.onnxruntime.load:load",
    evidence="r50bench.engines.onnxruntime.evidence:rule",
    prepare="r50bench.engines.onnxruntime.prepare:prepare",
    numerics={"cpu": frozenset({"fp32", "int8"}), "cuda": frozenset({"fp32", "tf32"})},
    lacking=_lacking,
    packages=("onnxruntime|onnxruntime-gpu", "onnx"),
    install="pip install 'r50bench[peers]'",
    among_peers=True,
    quantised_by="ONNX Runtime's quantize_static",
)
