"""The history for the reader: a line per run, a line per series, and what changed for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from r50bench.history.changes import Change
from r50bench.history.chart import chart_lines, sparkline
from r50bench.history.series import HistoryRun, Series
from r50bench.report.table import Column, Table
from r50bench.results.foreign import ForeignRun
from r50bench.results.stats import Estimate
from r50bench.wording import counted, figure, with_interval

__all__ = ["Told", "history_as_data", "history_text"]

_TRENDS = (32, 16, 8)
"""How many characters a sparkline may have, the most that fit."""

_MOST_SUSPECTS = 5

_RUNS = (
    Column("created", "left"),
    Column("what ran", "left"),
    Column("engine", "left"),
    Column("host", "left"),
    Column("figure", "right"),
    Column("", "left"),
    Column("record", "left"),
)
_SERIES = (
    Column("#", "right"),
    Column("what ran", "left"),
    Column("engine", "left"),
    Column("BS", "right"),
    Column("cores", "left"),
    Column("host", "left"),
    Column("runs", "right"),
    Column("spread", "right"),
    Column("trend", "left"),
    Column("newest", "right"),
    Column("", "left"),
)
_FOREIGN = (
    Column("created", "left"),
    Column("from", "left"),
    Column("what ran", "left"),
    Column("settings", "left", wraps=True),
    Column("figure", "right"),
    Column("", "left"),
    Column("read from", "left"),
)


@dataclass(frozen=True)
class Told:
    """What a look at the history found: runs newest first, all series with their changes, and the
    figures of others. ``unread`` counts runs of which the history knows no more than the id."""

    runs: tuple[HistoryRun, ...]
    series: tuple[tuple[Series, tuple[Change, ...]], ...]
    foreign: tuple[ForeignRun, ...]


def history_text(told: Told, *, limit: int, plot: bool, width: int) -> str:
    """Returns what is printed: at most ``limit`` runs, all series, every change."""
    parts = [_runs_part(told.runs, limit, width)] if told.runs else []
    if told.series:
        parts.append(_series_part([series for series, _ in told.series], width))
    for number, (series, changes) in enumerate(told.series, start=1):
        lines = [line for change in changes for line in _change_lines(change, series)]
        if plot:
            lines += _chart(series, changes, width)
        if lines:
            parts.append("\n".join([f"{number}  {_title(series)}", *lines]))
    if told.foreign:
        parts.append(_foreign_part(told.foreign, limit, width))
    return "\n\n".join(parts or ["no run yet"]) + "\n"


def history_as_data(told: Told) -> dict[str, Any]:
    """Returns the same as plain data, for JSON; no run is left out."""
    return {
        "runs": [_run_as_data(run) for run in told.runs],
        "series": [_series_as_data(*one) for one in told.series],
        "figures_of_others": [asdict(run) for run in told.foreign],
    }


def _runs_part(runs: Sequence[HistoryRun], limit: int, width: int) -> str:
    rows = [_run_row(run) for run in runs[:limit]]
    table = Table.of(_RUNS, rows).text(width)
    if _longest(table) > width:  # ids are long, and for copying; --json has them, too
        table = Table.of(_RUNS[:-1], [row[:-1] for row in rows]).text(width)
    if len(runs) <= limit:
        return table
    return f"{table}\nand {counted(len(runs) - limit, 'older run')}; -n {len(runs)} shows all"


def _series_part(told: Sequence[Series], width: int) -> str:
    table = ""
    for trend in _TRENDS:
        rows = [_series_row(at, series, trend) for at, series in enumerate(told, start=1)]
        table = Table.of(_SERIES, rows).text(width)
        if _longest(table) <= width:
            break
    return table


def _longest(text: str) -> int:
    return max(map(len, text.splitlines()))


def _run_row(run: HistoryRun) -> tuple[str, ...]:
    facts = run.facts
    if facts is None:
        return (_minute(run.created), "?", "", "", _value(run), "gone", run.id)
    mark = facts.status if facts.status != "valid" else "imported" if run.imported else ""
    name, engine = facts.name, facts.case.engine
    return (_minute(run.created), name, engine, _host(run), _value(run), mark, run.id)


def _series_row(number: int, series: Series, trend: int) -> tuple[str, ...]:
    facts = series.newest.facts
    assert facts is not None
    case = facts.case
    return (
        str(number),
        facts.name,
        case.engine,
        str(case.batch_size),
        f"{case.instances} × {case.cores_per_instance}",
        _host(series.newest),
        _counts(series),
        "" if series.spread is None else f"{100 * series.spread:.1f} %",
        sparkline(series.figures, trend),
        _value(series.newest),
        "imported" if series.newest.imported else "",
    )


def _counts(series: Series) -> str:
    """Returns how many runs there are, and how many points where calls had several processes."""
    runs, points = len(series.runs), len(series.points)
    return str(runs) if runs == points else f"{runs} in {points}"


def _change_lines(change: Change, series: Series) -> list[str]:
    word = "better" if change.better else "worse"
    thing = "run" if len(series.points) == len(series.runs) else "point"
    before, since = change.points
    levels = f"{counted(before, thing)} before, {since} since"
    lines = [f"   {_minute(change.after.created)}  {_size(change.ratio)}, {word}  ({levels})"]
    if change.suspects is None:
        return [*lines, "      what else changed is unknown: one of the two records is gone"]
    if not change.suspects:
        return [*lines, "      nothing else is known to have changed with it"]
    more = len(change.suspects) - _MOST_SUSPECTS
    return [
        *lines,
        *(f"      {suspect}" for suspect in change.suspects[:_MOST_SUSPECTS]),
        *([f"      and {more} more, which --json lists"] if more > 0 else []),
    ]


def _chart(series: Series, changes: Sequence[Change], width: int) -> list[str]:
    at = [change.at for change in changes]
    ends = _day(series.runs[0].created), _day(series.newest.created)
    return [f"   {line}" for line in chart_lines(series.figures, at, ends, width - 3)]


def _foreign_part(runs: Sequence[ForeignRun], limit: int, width: int) -> str:
    head = "figures of others: no samples, no proof, in no series and no verdict"
    table = Table.of(_FOREIGN, map(_foreign_row, runs[:limit])).text(width)
    more = f"\nand {counted(len(runs) - limit, 'older run')}" if len(runs) > limit else ""
    return f"{head}\n{table}{more}"


def _foreign_row(run: ForeignRun) -> tuple[str, ...]:
    settings = " ".join(f"{key}={value}" for key, value in run.settings.items() if value)
    shown = "-"
    if run.figures:
        first = run.figures[0]
        shown = f"{figure(first.value)} {first.unit}".rstrip()
    mark = "" if run.passed else "failed"
    return (_minute(run.created), run.workload, run.name, settings, shown, mark, run.source)


def _title(series: Series) -> str:
    facts = series.newest.facts
    assert facts is not None
    graph = facts.model.graph if facts.model else ""
    return f"{facts.name} · {facts.case.engine} · {graph} · {_host(series.newest)}"


def _host(run: HistoryRun) -> str:
    """Returns the CPU's name with the first digits of the host's fingerprint."""
    assert run.facts is not None
    host = run.facts.host
    known = (host.model_name, host.fingerprint and host.fingerprint[:6])
    return " ".join(word for word in known if word) or "unknown"


def _value(run: HistoryRun) -> str:
    if run.value is None:
        return "-"
    half = None if run.high is None else run.high - run.value
    return f"{with_interval(run.value, half)} {run.unit}"


def _size(ratio: Estimate) -> str:
    """Returns ``−3.1 % (−3.6 to −2.5)``."""
    assert ratio.low is not None
    assert ratio.high is not None
    low, high = _signed(ratio.low), _signed(ratio.high)
    return f"{_signed(ratio.value)} %" + (f" ({low} to {high})" if low != high else "")


def _signed(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f}".replace("-", "−")


def _minute(created: str) -> str:
    return created[:16].replace("T", " ")


def _day(created: str) -> str:
    return created[:10]


def _run_as_data(run: HistoryRun) -> dict[str, Any]:
    facts = run.facts
    return {
        "id": run.id,
        "created": run.created,
        "record": str(run.folder),
        "imported": run.imported,
        "name": facts and facts.name,
        "status": facts and facts.status,
        "reason": facts and facts.reason,
        "engine": facts and facts.case.engine,
        "host": facts and facts.host.fingerprint,
        "cpu": facts and facts.host.model_name,
        "unit": run.unit,
        "value": run.value,
        "low": run.low,
        "high": run.high,
    }


def _series_as_data(series: Series, changes: Sequence[Change]) -> dict[str, Any]:
    return {
        "runs": [run.id for run in series.runs],
        "points": [
            {"runs": [run.id for run in point.runs], **asdict(point.estimate)}
            for point in series.points
        ],
        "spread": series.spread,
        "changes": [
            {
                "created": change.after.created,
                "before": change.before.id,
                "after": change.after.id,
                "ratio": asdict(change.ratio),
                "runs": change.points,
                "better": change.better,
                "suspects": change.suspects,
            }
            for change in changes
        ],
    }
