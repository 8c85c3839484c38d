"""What oneDNN's log must show of eager PyTorch, by precision."""

from __future__ import annotations

from dataclasses import replace

from r50bench.engines.evidence.judge import Rule, onednn_rule
from r50bench.precision import numerics_of

__all__ = ["eager_rule"]


def eager_rule(precision: str) -> Rule:
    """Like :func:`onednn_rule`; in float32, ATen computes part of the convolutions itself."""
    rule = onednn_rule(precision)
    return replace(rule, unseen="ATen") if numerics_of(precision) == "fp32" else rule
