"""What a user should know beside the figures: a code to match on, a text, and its mend."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Notice"]


@dataclass(frozen=True)
class Notice:
    """``code`` is a word for programs, such as ``governor``; ``mend`` what to do, if anything."""

    code: str
    text: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.text}. {self.mend}" if self.mend else self.text
