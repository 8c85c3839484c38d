"""From a spec to a loaded engine, in the worker. Heavy modules load only for who needs them."""

from __future__ import annotations

from r50bench.case import ENGINES
from r50bench.engines.base import Engine, EngineSpec
from r50bench.errors import UsageError

__all__ = ["load_engine"]


def load_engine(spec: EngineSpec) -> Engine:
    """Loads the engine that ``spec`` names.

    Raises:
        EngineError: what it needs is missing or damaged.
        Unsupported: this machine or this torch build cannot run it.
        UsageError: there is no such engine.
    """
    match spec.engine:
        case "torch" | "torch-aot":
            return _compiled_ahead(spec)
        case "torch-compile" | "torch-eager":
            from r50bench.engines.torch.modules import ModuleEngine

            return ModuleEngine(spec)
        case "onnxruntime":
            from r50bench.engines.onnxruntime.engine import OnnxRuntimeEngine

            return OnnxRuntimeEngine(spec)
        case "openvino":
            from r50bench.engines.openvino.engine import OpenVinoEngine

            return OpenVinoEngine(spec)
        case "zentorch":
            from r50bench.engines.zentorch.engine import ZentorchEngine

            return ZentorchEngine(spec)
        case "fake":
            from r50bench.engines.fake.engine import FakeEngine

            return FakeEngine(spec)
    raise UsageError(f"unknown engine {spec.engine!r}", hint=f"known: {', '.join(ENGINES)}")


def _compiled_ahead(spec: EngineSpec) -> Engine:
    if spec.kernels is not None:
        from r50bench.engines.r50.engine import NativeEngine

        return NativeEngine(spec)
    from r50bench.engines.torch.aot import AotEngine

    return AotEngine(spec)
