"""What a user should know beside the figures: a code to match on, a text, and its mend."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Notice", "no_effect"]


@dataclass(frozen=True)
class Notice:
    """``code`` is a word for programs, such as ``governor``; ``mend`` what to do, if anything."""

    code: str
    text: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.text}. Mend: {self.mend}" if self.mend else self.text


def no_effect(asked: str, why: str, mend: str = "") -> Notice:
    """Returns the notice that what was ``asked``, such as ``PLATFORM=SPR``, does nothing."""
    return Notice("no-effect", f"{asked} has no effect: {why}", mend)
