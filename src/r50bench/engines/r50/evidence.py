"""What the log of our own kernels must show."""

from __future__ import annotations

import re

from r50bench.engines.evidence.judge import Rule
from r50bench.engines.r50.kernel_sets import KERNEL_SETS

__all__ = ["rule"]


def rule(precision: str) -> Rule:
    """Returns the type and the instruction set that the precision's kernels are built for."""
    kernels = KERNEL_SETS[precision]
    source = kernels.types.split()[0].removeprefix("src:")
    if kernels.attributes:
        source = f"{source} {kernels.attributes.removeprefix('attr-')}"
    return Rule(frozenset({source}), re.escape(kernels.isa), code="direct")
