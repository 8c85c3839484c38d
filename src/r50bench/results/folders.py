"""Where records lie: the folders that a path means."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from r50bench.errors import UsageError
from r50bench.results.record import RECORD_FILE, RUNS
from r50bench.results.samples import SAMPLES_FILE

__all__ = ["newest_record_folder", "record_folders", "without_pages"]

_PAGES = ("*.html", "check.md", "check.xml")
"""What verbs leave beside the folders of their records, for people and for a CI."""

T = TypeVar("T")


def record_folders(path: Path) -> list[Path]:
    """Returns the folders of the runs that ``path`` means, by their paths.

    So those that lie in one folder come oldest first, as their names begin with the time.

    ``path`` is the folder of a run, its record.json, or a folder with runs somewhere below it.

    Those that may not be read, or hold samples and have lost their record, are among them: whoever
    reads them says so.

    Raises:
        UsageError: there are none.
    """
    if path.name == RECORD_FILE and os.path.isfile(path):
        return [path.parent]
    if os.path.isfile(path):
        raise UsageError(
            f"{path} is a file, and neither a folder nor a {RECORD_FILE}",
            hint="name the folder of a run, or its record.json",
        )
    if not os.path.isdir(path):
        raise UsageError(f"there is no folder {path}", hint="name one that 'r50bench run' wrote")
    if os.path.isfile(path / RECORD_FILE):
        return [path]
    found: list[Path] = []

    def unreadable(error: OSError) -> None:
        found.append(Path(error.filename))

    for folder, below, files in os.walk(path, onerror=unreadable):
        # What is hidden is a run in progress, or one that was killed.
        below[:] = [name for name in below if not name.startswith(".")]
        if RECORD_FILE in files or SAMPLES_FILE in files:
            found.append(Path(folder))
    if not found:
        raise UsageError(
            f"{path} holds no run: no {RECORD_FILE} in it or below it",
            hint="name a folder that 'r50bench run' wrote",
        )
    return sorted(found)


def without_pages(named: Iterable[T]) -> list[T]:
    """Returns what was named, words and paths, without the pages that verbs left among records.

    A shell's ``runs/*`` names them, too. Where nothing else is named they stay: whoever is to read
    records from them says that they hold none.
    """
    given = list(named)
    return [one for one in given if not _is_page(one)] or given


def _is_page(named: object) -> bool:
    return (
        isinstance(named, str | Path)
        and any(Path(named).match(pattern) for pattern in _PAGES)
        and os.path.isfile(named)
    )


def newest_record_folder(verb: str) -> Path:
    """Returns the folder of the newest run below ./r50bench-runs, for a ``verb`` given no folder.

    Raises:
        UsageError: there is none.
    """
    if not RUNS.is_dir():
        raise UsageError(
            f"no folder was named, and there is no ./{RUNS}",
            hint=f"r50bench {verb} DIR, or 'r50bench run' first",
        )
    return max(record_folders(RUNS), key=lambda folder: (folder.name, folder))
