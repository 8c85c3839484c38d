"""What ONNX Runtime's profile must show."""

from __future__ import annotations

from r50bench.engines.evidence.judge import Rule
from r50bench.precision import numerics_of

__all__ = ["rule"]

_RULES = {
    "fp32": Rule(frozenset({"f32"}), "mlas"),
    "int8": Rule(frozenset({"u8", "s8"}), "mlas"),
}


def rule(precision: str) -> Rule:
    """Returns the types: it names no instruction sets, so that they are all that can be proved."""
    return _RULES[numerics_of(precision)]
