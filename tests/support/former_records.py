"""Where the records lie that the first schema's r50bench wrote; see their README.md."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FORMER", "former_folders"]

FORMER = Path(__file__).parents[1] / "data" / "records-1"


def former_folders() -> list[Path]:
    """Returns the folder of every record."""
    return sorted(path.parent for path in FORMER.glob("*/*/record.json"))
