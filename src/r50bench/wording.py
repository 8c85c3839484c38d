"""Words that change with a number."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, thing: str) -> str:
    """Returns ``1 instance`` or ``2 instances``; ``thing`` is a word whose plural adds an s."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
