"""Where records lie: the folders that a path means."""

from __future__ import annotations

from pathlib import Path

from r50bench.errors import UsageError
from r50bench.results.record import RECORD_FILE

__all__ = ["record_folders"]


def record_folders(path: Path) -> list[Path]:
    """Returns the folders of the runs that ``path`` means, oldest first.

    ``path`` is the folder of a run, its record.json, or a folder with runs somewhere below it.

    Raises:
        UsageError: there are none.
    """
    if path.name == RECORD_FILE and path.is_file():
        return [path.parent]
    if not path.is_dir():
        raise UsageError(f"there is no folder {path}", hint="name one that 'r50bench run' wrote")
    if (path / RECORD_FILE).is_file():
        return [path]
    # What is hidden is a run in progress, or one that was killed.
    found = sorted(
        record.parent
        for record in path.rglob(RECORD_FILE)
        if not any(part.startswith(".") for part in record.relative_to(path).parts)
    )
    if not found:
        raise UsageError(
            f"{path} holds no run: no {RECORD_FILE} in it or below it",
            hint="name a folder that 'r50bench run' wrote",
        )
    return found
