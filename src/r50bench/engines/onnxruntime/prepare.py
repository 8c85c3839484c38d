"""ONNX Runtime runs the exported file as it is, or what its own tool has quantised."""

from __future__ import annotations

from r50bench.engines.base import EngineSpec
from r50bench.engines.onnx.models import converted, exported
from r50bench.engines.preparation import Preparation, Prepared
from r50bench.precision import PRECISIONS

__all__ = ["prepare"]


def prepare(spec: EngineSpec, preparation: Preparation) -> Prepared:
    """Returns ``spec`` with the ONNX file's folder; see :class:`.EngineDescriptor`."""
    if PRECISIONS[spec.precision].numerics.calibrated:
        return converted(spec, preparation, "r50bench.engines.onnxruntime.quantise")
    return exported(spec, preparation)
