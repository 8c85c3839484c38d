"""What a word means as one side of a comparison: folders, files, baselines, queries, ids."""

from __future__ import annotations

import re
from glob import glob
from pathlib import Path

from r50bench.comparison.baseline import Baselines, baselines_here
from r50bench.comparison.side import MeasuredRun, Side, read_run, read_runs_file, side_of
from r50bench.errors import UsageError, did_you_mean
from r50bench.mlperf.query.command import split_terms
from r50bench.mlperf.query.search import Search
from r50bench.mlperf.query.terms import parse_terms
from r50bench.results.folders import record_folders
from r50bench.results.history import History, history_path
from r50bench.results.record import RECORD_FILE

__all__ = ["SIDES_HELP", "share_of", "side_named"]

SIDES_HELP = (
    "a folder (of a run, or of runs), a file of 'run --json', a baseline's name, a query of the"
    " history such as 'precision=amx_int8,created>2026-11-01', a record's id, a quoted glob, or"
    " several of these with commas between them"
)

_OPERATOR = re.compile(r"\w\s*(=|!=|<|>)")
_PERCENT = re.compile(r"([0-9]*\.?[0-9]+)\s*%")


def share_of(text: str) -> float:
    """Reads ``3%`` or ``0.03``.

    Raises:
        UsageError: it is neither, or not above 0 and below 1.
    """
    match = _PERCENT.fullmatch(text.strip())
    try:
        share = float(match[1]) / 100 if match else float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise UsageError(f"{text!r} is no share between 0 and 100 %", hint="such as 3% or 0.03")
    return share


def side_named(word: str) -> Side:
    """Returns the side that a word means, see :data:`SIDES_HELP`.

    Raises:
        UsageError: it means nothing, no valid run, or runs of several hosts.
        RunFailed: samples, or the history, are damaged.
    """
    return side_of(word, _runs(word.strip(), baselines_here()))


def _runs(word: str, baselines: Baselines) -> list[MeasuredRun]:
    path = Path(word)
    if word and path.exists():
        return _at(path)
    if word in baselines:
        return list(baselines.read(word).runs)
    if _OPERATOR.search(word):
        return _of_query(word)
    if any(sign in word for sign in "*?["):
        return _of_glob(word)
    if "," in word:
        parts = [part.strip() for part in word.split(",") if part.strip()]
        return [run for part in parts for run in _runs(part, baselines)]
    return _of_id(word, baselines)


def _at(path: Path) -> list[MeasuredRun]:
    if path.is_file() and path.name != RECORD_FILE:
        return read_runs_file(path)
    return [read_run(folder) for folder in record_folders(path)]


def _of_query(word: str) -> list[MeasuredRun]:
    with History(history_path()) as history:
        search = Search(history, parse_terms(split_terms([word])))
        folders = [found.folder for found in search.results()]
    if not folders:
        gone = f"; of {search.missing} more, the folders are gone" if search.missing else ""
        raise UsageError(
            f"the query {word!r} matches no record of the history{gone}",
            hint=f"'r50bench find {word}' shows what a query means",
        )
    return [read_run(folder) for folder in folders]


def _of_glob(word: str) -> list[MeasuredRun]:
    paths = sorted(glob(word))
    if not paths:
        raise UsageError(f"nothing matches {word!r}", hint=f"a side is {SIDES_HELP}")
    return [run for path in paths for run in _at(Path(path))]


def _of_id(word: str, baselines: Baselines) -> list[MeasuredRun]:
    with History(history_path()) as history:
        folder = history.folder_of(word)
    if folder is None:
        raise UsageError(
            f"{word!r} is no folder, no file, no baseline and no record of the history",
            hint=did_you_mean(word, baselines.names()) or f"a side is {SIDES_HELP}",
        )
    return [read_run(folder)]
