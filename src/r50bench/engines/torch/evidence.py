"""What oneDNN's log must show of the torch engines, by precision."""

from __future__ import annotations

from dataclasses import replace

from r50bench.engines.evidence.judge import Rule
from r50bench.precision import PRECISIONS, numerics_of

__all__ = ["eager_rule", "onednn_rule"]


def onednn_rule(precision: str) -> Rule:
    """Returns what all convolutions must be where oneDNN computes them."""
    kernels = PRECISIONS[precision].kernels
    return Rule(kernels.sources, kernels.isa, stem_exempt=kernels.stem_exempt)


def eager_rule(precision: str) -> Rule:
    """Like :func:`onednn_rule`; in float32, ATen computes part of the convolutions itself."""
    rule = onednn_rule(precision)
    return replace(rule, unseen="ATen") if numerics_of(precision) == "fp32" else rule
