"""Makes the plan of one model for kernels of our own, in a process of its own.

Run by :func:`.maker.make_in_child` as ``python -m r50bench.engines.r50.make_plan SPEC OUT``.
"""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name

from r50bench.engines.base import EngineSpec
from r50bench.engines.maker import serve
from r50bench.engines.r50.kernel_sets import KERNEL_SETS
from r50bench.engines.r50.layers import Arithmetic, float_arithmetic, int8_arithmetic
from r50bench.engines.r50.plan import write_plan
from r50bench.engines.torch.recipes import build_module
from r50bench.models.resnet50 import ResNet50, build_model
from r50bench.models.strides import pull_strides_back
from r50bench.precision import PRECISIONS, numerics_of

__all__ = ["compile_plan"]


def compile_plan(spec: EngineSpec, folder: Path) -> None:
    """Writes the plan of ``spec`` as its kernel set lays one out; ``folder`` must not exist."""
    model, arithmetic = _read_model(spec)
    lay_out = resolve_name(KERNEL_SETS[spec.precision].plan)
    write_plan(lay_out(model, arithmetic, numerics_of(spec.precision)), folder)


def _read_model(spec: EngineSpec) -> tuple[ResNet50, Arithmetic]:
    """Returns the model of ``spec``, its strides pulled back, and its layers' arithmetic."""
    model = pull_strides_back(build_model(spec.graph, spec.state_dict))
    if PRECISIONS[spec.precision].numerics.calibrated:
        return model, int8_arithmetic(model, build_module(spec))
    return model, float_arithmetic(model)


if __name__ == "__main__":
    serve(compile_plan)
