"""What a word means as one side of a comparison: folders, files, baselines, record ids."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from r50bench.case import is_glob
from r50bench.comparison.baseline import Baselines
from r50bench.comparison.side import MeasuredRun, read_run, read_runs_file
from r50bench.errors import UsageError, did_you_mean
from r50bench.results.folders import record_folders, without_pages
from r50bench.results.history import History, history_path
from r50bench.results.record import RECORD_FILE

__all__ = ["SIDES_HELP", "Query", "runs_named"]

SIDES_HELP = (
    "a folder (of a run, or of runs), a file of 'run --json', a baseline's name, a query of the"
    " history such as 'precision=amx_int8,created>2026-11-01', a record's id, a quoted glob, or"
    " several of these with commas between them"
)

Query = Callable[[str], list[Path]]
"""Returns the folders of the records that a query of the history means."""

_OPERATOR = re.compile(r"\w\s*(=|!=|<|>)")


def runs_named(word: str, baselines: Baselines, query: Query | None = None) -> list[MeasuredRun]:
    """Returns the runs that a word means, see :data:`SIDES_HELP`.

    Raises:
        UsageError: it means nothing, or is a query and there is no ``query`` to answer it.
        RunFailed: samples, or the history, are damaged.
    """
    return _Reading(baselines, query).runs(word.strip())


@dataclass(frozen=True)
class _Reading:
    baselines: Baselines
    query: Query | None

    def runs(self, word: str) -> list[MeasuredRun]:
        path = Path(word)
        if word and path.exists():
            return _at(path)
        if word in self.baselines:
            return list(self.baselines.read(word).runs)
        if _OPERATOR.search(word):
            return self._of_query(word)
        if is_glob(word):
            return _of_glob(word)
        if "," in word:
            parts = [part.strip() for part in word.split(",") if part.strip()]
            return [run for part in without_pages(parts) for run in self.runs(part)]
        return self._of_id(word)

    def _of_query(self, word: str) -> list[MeasuredRun]:
        if self.query is None:
            raise UsageError(
                f"{word!r} is a query, which only the command line answers",
                hint="name folders, or r50bench compare from a shell",
            )
        return [read_run(folder) for folder in self.query(word)]

    def _of_id(self, word: str) -> list[MeasuredRun]:
        with History(history_path()) as history:
            folder = history.folder_of(word)
        if folder is None:
            raise UsageError(
                f"{word!r} is no folder, no file, no baseline and no record of the history",
                hint=did_you_mean(word, self.baselines.names()) or f"a side is {SIDES_HELP}",
            )
        return [read_run(folder)]


def _at(path: Path) -> list[MeasuredRun]:
    if path.is_file() and path.name != RECORD_FILE:
        return read_runs_file(path)
    return [read_run(folder) for folder in record_folders(path)]


def _of_glob(word: str) -> list[MeasuredRun]:
    paths = sorted(glob(word))
    if not paths:
        raise UsageError(f"nothing matches {word!r}", hint=f"a side is {SIDES_HELP}")
    return [run for path in without_pages(paths) for run in _at(Path(path))]
