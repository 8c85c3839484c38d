"""Makes the plan of one model for kernels of our own, in a process of its own.

Run by :func:`.maker.make_in_child` as ``python -m r50bench.engines.r50.make_plan SPEC OUT``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from r50bench.engines.base import EngineSpec
from r50bench.engines.maker import serve
from r50bench.precision import numerics_of

if TYPE_CHECKING:
    from r50bench.engines.r50.layers import Arithmetic
    from r50bench.models.resnet50 import ResNet50

__all__ = ["compile_plan", "read_model"]


def compile_plan(spec: EngineSpec, folder: Path) -> None:
    """Writes the plan of ``spec`` into ``folder``, which must not exist."""
    from r50bench.engines.r50.plan import make_plan, write_plan

    model, arithmetic = read_model(spec)
    write_plan(make_plan(model, arithmetic, numerics_of(spec.precision)), folder)


def read_model(spec: EngineSpec) -> tuple[ResNet50, Arithmetic]:
    """Returns the model of ``spec``, its strides pulled back, and its layers' arithmetic."""
    from r50bench.engines.r50.layers import float_arithmetic, int8_arithmetic
    from r50bench.engines.torch.recipes import build_module
    from r50bench.models.resnet50 import build_model
    from r50bench.models.strides import pull_strides_back

    model = pull_strides_back(build_model(spec.graph, spec.state_dict))
    if numerics_of(spec.precision) == "int8":
        return model, int8_arithmetic(model, build_module(spec))
    return model, float_arithmetic(model)


if __name__ == "__main__":
    serve(compile_plan)
