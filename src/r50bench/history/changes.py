"""The lasting changes of a series, with what else changed between the runs around each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from r50bench.errors import R50BenchError
from r50bench.history.change_points import change_points
from r50bench.history.series import HistoryRun, Series
from r50bench.results.record import Record, read_record
from r50bench.results.stats import Estimate

__all__ = ["Change", "Explain", "changes_of"]

Explain = Callable[[Record, Record], Sequence[str]]
"""Says what differs between two records, a line each, the strongest suspect first."""


@dataclass(frozen=True)
class Change:
    """``after`` is the first run of the new level, ``before`` the run just before it.

    ``at`` is the position of the first point of the new level in the series; ``ratio`` is the new
    level over the old one, ``points`` how many points each rests on; ``better`` says whether it is
    for the better. ``suspects`` are what differs between the two records, None
    where one of them is gone.
    """

    before: HistoryRun
    after: HistoryRun
    at: int
    ratio: Estimate
    points: tuple[int, int]
    better: bool
    suspects: tuple[str, ...] | None


def changes_of(series: Series, explain: Explain) -> tuple[Change, ...]:
    """Returns the lasting changes, oldest first."""
    return tuple(
        Change(
            before := series.points[point.at - 1].runs[-1],
            after := series.points[point.at].runs[0],
            point.at,
            point.ratio,
            point.runs,
            (point.ratio.value < 1) == series.lower_is_better,
            _suspects(before, after, explain),
        )
        for point in change_points(series.figures)
    )


def _suspects(before: HistoryRun, after: HistoryRun, explain: Explain) -> tuple[str, ...] | None:
    try:
        return tuple(explain(read_record(before.folder), read_record(after.folder)))
    except R50BenchError:
        return None
