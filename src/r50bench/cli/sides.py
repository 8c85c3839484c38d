"""A side of a comparison as a command line names it, queries of the history included."""

from __future__ import annotations

import re
from pathlib import Path

from r50bench.comparison.baseline import baselines_here
from r50bench.comparison.naming import runs_named
from r50bench.comparison.side import Side, side_of
from r50bench.errors import UsageError
from r50bench.mlperf.query.command import split_terms
from r50bench.mlperf.query.search import Search
from r50bench.mlperf.query.terms import parse_terms
from r50bench.results.history import History, history_path

__all__ = ["share_of", "side_named"]

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
    """Returns the side that a word means, see :data:`.naming.SIDES_HELP`.

    Raises:
        UsageError: it means nothing, no valid run, or runs of several hosts.
        RunFailed: samples, or the history, are damaged.
    """
    return side_of(word, runs_named(word, baselines_here(), _folders_of_query))


def _folders_of_query(word: str) -> list[Path]:
    with History(history_path()) as history:
        search = Search(history, parse_terms(split_terms([word])))
        folders = [found.folder for found in search.results()]
    if not folders:
        gone = f"; {len(search.refused)} more are gone or damaged" if search.refused else ""
        raise UsageError(
            f"the query {word!r} matches no record of the history{gone}",
            hint=f"'r50bench find {word}' shows what a query means",
        )
    return folders
