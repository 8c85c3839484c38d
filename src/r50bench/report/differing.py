"""What differs between two runs, in words."""

from __future__ import annotations

from collections.abc import Sequence

from r50bench.case import setting_text
from r50bench.results.differences import Difference

__all__ = ["difference_lines", "said"]


def difference_lines(found: Sequence[Difference]) -> list[str]:
    """Returns a line for each thing that is not as it was."""
    return [f"{one.what}: {said(one.before)} -> {said(one.after)}" for one in found]


def said(value: object) -> str:
    """Returns one side of a difference: a setting, several values, or that it is not known."""
    if isinstance(value, tuple) and all(isinstance(one, tuple) for one in value):
        return setting_text(value)  # variables with their values
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return "unknown" if value is None else str(value) or "none"
