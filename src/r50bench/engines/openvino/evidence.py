"""What OpenVINO's introspection must show."""

from __future__ import annotations

from dataclasses import replace

from r50bench.engines.evidence.judge import Rule, onednn_rule
from r50bench.precision import numerics_of

__all__ = ["rule"]

_ISA = "avx512|avx2|acl|asimd|sve"
_RULES = {
    "fp32": Rule(frozenset({"f32"}), _ISA),
    # Emulated bfloat16 goes by the same instruction set, but is jit and not brgconv.
    "bf16": Rule(frozenset({"bf16"}), _ISA, code="brgconv.*|gemm"),
    "int8": Rule(frozenset({"u8", "s8"}), _ISA, code="brgconv.*|gemm"),
}


def rule(precision: str) -> Rule:
    """Returns types, and instruction sets in OpenVINO's own words."""
    found, tiles = _RULES[numerics_of(precision)], onednn_rule(precision)
    return replace(found, isa=tiles.isa, stem_exempt=True) if tiles.stem_exempt else found
