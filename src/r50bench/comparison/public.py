"""Comparing from Python, as ``r50bench.compare`` shows it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from r50bench.api import StoredRecord
from r50bench.comparison.baseline import baselines_here
from r50bench.comparison.between import compare_by_history
from r50bench.comparison.compare import Comparison
from r50bench.comparison.naming import runs_named
from r50bench.comparison.side import MeasuredRun, Side, side_of
from r50bench.comparison.verdict import DEFAULT_TOLERANCE
from r50bench.results.folders import without_pages
from r50bench.results.judged import Judged

__all__ = ["GivenSide", "compare"]

One = str | Path | StoredRecord
GivenSide = One | Iterable[One]
"""Records, folders of runs, files of ``run --json``, baselines and record ids, one or several."""


def compare(
    base: GivenSide,
    new: GivenSide,
    *,
    threshold: float = DEFAULT_TOLERANCE,
    undisturbed: bool = False,
) -> Comparison:
    """Says of each case of both sides whether ``new`` is faster or slower, or the same.

    Records of one case are independent samples of it; of single ones this user's history tells how
    much they scatter. ``threshold`` is what counts as the same: 0.03 is three per cent. With
    ``undisturbed`` the batches alone are judged that had their cores to themselves, and records
    that have too few of them are left out.

    Raises:
        UsageError: a side means nothing or no valid run, mixes hosts, or may not be compared with
            the other.
        RunFailed: samples, or the history, are damaged.
    """
    judged: Judged = "undisturbed" if undisturbed else "experienced"
    return compare_by_history(_side(base), _side(new), threshold, judged)


def _side(given: GivenSide) -> Side:
    each = [given] if isinstance(given, str | Path | StoredRecord) else without_pages(given)
    title = ", ".join(one.id if isinstance(one, StoredRecord) else str(one) for one in each)
    return side_of(title or "an empty side", [run for one in each for run in _runs(one)])


def _runs(one: One) -> list[MeasuredRun]:
    if isinstance(one, StoredRecord):
        return [MeasuredRun(one, tuple(one.kpis.values()) if one.status == "valid" else ())]
    return runs_named(str(one), baselines_here())
