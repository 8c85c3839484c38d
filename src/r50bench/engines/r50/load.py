"""From a spec to the engine that runs its precision's kernels, in the worker."""

from __future__ import annotations

from pkgutil import resolve_name

from r50bench.engines.base import Engine, EngineSpec
from r50bench.engines.r50.kernel_sets import KERNEL_SETS

__all__ = ["load"]


def load(spec: EngineSpec) -> Engine:
    """Returns what the spec's kernel set names."""
    engine: Engine = resolve_name(KERNEL_SETS[spec.precision].engine)(spec)
    return engine
