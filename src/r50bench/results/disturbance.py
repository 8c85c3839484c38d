"""Whether an instance waited for its CPU so long that the figures show it."""

from __future__ import annotations

from r50bench.notices import Notice

__all__ = ["disturbance"]

_LIMIT = 0.03
"""Kernel threads alone take up to two per cent of one core, measured on an idle guest."""


def disturbance(lost_cpu_share: float | None) -> Notice | None:
    """Returns what to say of a record's ``lost_cpu_share``, None where it is small or unknown."""
    if lost_cpu_share is None or lost_cpu_share < _LIMIT:
        return None
    return Notice(
        "disturbed",
        f"an instance waited for its CPU in {100 * lost_cpu_share:.1f} % of the measured time:"
        " other work or other guests had it",
        "run again while nothing else does (top shows what does)",
    )
