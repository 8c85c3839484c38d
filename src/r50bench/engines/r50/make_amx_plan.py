"""Makes the plan of one model for the kernels for AMX, in a process of its own.

Run by :func:`.maker.make_in_child` as ``python -m r50bench.engines.r50.make_amx_plan SPEC OUT``.
"""

from __future__ import annotations

from pathlib import Path

from r50bench.engines.base import EngineSpec
from r50bench.engines.maker import serve
from r50bench.precision import numerics_of

__all__ = ["compile_amx_plan"]


def compile_amx_plan(spec: EngineSpec, folder: Path) -> None:
    """Writes the plan of ``spec`` into ``folder``, which must not exist."""
    from r50bench.engines.r50.amx_plan import make_amx_plan
    from r50bench.engines.r50.make_plan import read_model
    from r50bench.engines.r50.plan import write_plan

    model, arithmetic = read_model(spec)
    write_plan(make_amx_plan(model, arithmetic, numerics_of(spec.precision)), folder)


if __name__ == "__main__":
    serve(compile_amx_plan)
