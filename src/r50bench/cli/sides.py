"""A side of a comparison as a command line names it, queries of the history included."""

from __future__ import annotations

import re
from pathlib import Path

from r50bench.comparison.baseline import baselines_here
from r50bench.comparison.naming import runs_named
from r50bench.comparison.side import Side, side_of
from r50bench.errors import UsageError

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
    from r50bench.cli.history_query import folders_of_query  # few sides are queries

    return folders_of_query(word)
