"""OpenVINO runs its own format, converted from the exported file."""

from __future__ import annotations

from r50bench.engines.base import EngineSpec
from r50bench.engines.onnx.models import converted
from r50bench.engines.preparation import Preparation, Prepared

__all__ = ["prepare"]


def prepare(spec: EngineSpec, preparation: Preparation) -> Prepared:
    """Returns ``spec`` with the model in OpenVINO's format; see :class:`.EngineDescriptor`."""
    return converted(spec, preparation, "r50bench.engines.openvino.convert")
