"""The page that every verb which measures leaves beside its records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from r50bench.errors import R50BenchError, RunFailed, reason_of
from r50bench.notices import Notice, Progress
from r50bench.report.page import Section
from r50bench.report.records_page import Shown, records_page
from r50bench.results.files import write_text_atomically
from r50bench.results.samples import read_measured

if TYPE_CHECKING:  # pages of records need nothing of measuring
    from r50bench.measure.session import Outcome

__all__ = ["PAGE", "leave", "leave_page", "read_shown", "shown_of", "write_page"]

PAGE = "report.html"
"""Its name in a folder that belongs to one run of a verb."""


def shown_of(outcomes: Iterable[Outcome]) -> list[Shown]:
    """Returns what sessions left, as a page shows it."""
    return [Shown(one.record, one.samples, one.folder, one.figures) for one in outcomes]


def read_shown(folders: Iterable[Path]) -> tuple[list[Shown], list[str]]:
    """Returns the records in ``folders`` that can be read, and why the others cannot."""
    found: list[Shown] = []
    damaged: list[str] = []
    for folder in folders:
        try:
            found.append(Shown.of(*read_measured(folder), folder))
        except R50BenchError as error:
            damaged.append(error.message)
    return found, damaged


def leave_page(
    shown: Sequence[Shown],
    path: Path,
    progress: Progress,
    *,
    title: str = "r50bench report",
    first: Sequence[Section] = (),
    notes: Sequence[str] = (),
) -> str:
    """Leaves the page of what was measured, where anything was; see :func:`leave`."""
    if not shown:
        return ""
    return leave(records_page(shown, title, first=first, notes=notes), path, progress)


def leave(page: str, path: Path, progress: Progress) -> str:
    """Writes a page and returns the line that says where it lies.

    A page that cannot be written costs no result: a notice says so, and the line is empty.
    """
    try:
        write_page(path, page)
    except RunFailed as error:
        progress.warn(Notice("no-page", error.message, error.hint or ""))
        return ""
    return f"# page: {path}\n"


def write_page(path: Path, page: str) -> None:
    """Writes the page whole or not at all.

    Raises:
        RunFailed: it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFailed(
            f"the page {path} cannot be written: {reason_of(error)}",
            hint="r50bench report -o FILE writes it elsewhere",
        ) from error
    write_text_atomically(path, page)
