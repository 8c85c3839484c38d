"""Engines beside each other, as a table, as sentences and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from r50bench.assets.imagenet import SAMPLE
from r50bench.peers.run import Standing
from r50bench.report.table import Cell, Column, Missing, Table
from r50bench.results.judged import Judged, judged_figure, judged_where_all_can
from r50bench.results.kpi import (
    FIRST_BATCH,
    FULL_SPEED,
    LATENCY,
    MEMORY,
    P99_LATENCY,
    THROUGHPUT,
    Kpi,
)
from r50bench.results.ratio import beyond_noise, ratio_of_figures, ratio_of_rounds
from r50bench.results.record import Record
from r50bench.results.stats import Estimate
from r50bench.wording import counted, fixed, with_interval

__all__ = [
    "Row",
    "judged_remark",
    "peer_rows",
    "peers_as_data",
    "peers_remarks",
    "peers_table",
    "peers_text",
]

_UNDISTURBED_COLUMNS = ("undisturbed", "full speed")

_STATES = {"absent": "is absent", "refused": "cannot run this", "failed": "failed"}


@dataclass(frozen=True)
class Row:
    """One engine's line. ``figures`` are its KPIs by name, none where it was not measured.

    ``ratio`` is its throughput over that of the reference, None for the reference itself and where
    either was not measured; ``judged`` says which batches' throughput. Where undisturbed ones were
    ``asked`` for and it is not theirs, ``why_not`` says as a clause what is missing.
    """

    standing: Standing
    figures: dict[str, Kpi]
    ratio: Estimate | None
    asked: Judged = "experienced"
    judged: Judged = "experienced"
    why_not: str = ""

    @property
    def engine(self) -> str:
        return self.standing.engine

    @property
    def record(self) -> Record | None:
        """The record of a valid run, None where there is none."""
        return _valid(self.standing)


def peer_rows(standings: Sequence[Standing], asked: Judged = "experienced") -> list[Row]:
    """Returns a row for each engine; the first is the reference of the ratios.

    These are of undisturbed batches where that is ``asked`` and every engine has enough of them.
    """
    measured = {one.engine: _figures(one) for one in standings if _valid(one) is not None}
    judged, why_not = asked, ""
    if asked == "undisturbed":
        judged, why_not = judged_where_all_can(measured, THROUGHPUT)
    return [
        Row(
            one,
            measured.get(one.engine, {}),
            _ratio_to(standings[0], one, judged),
            asked,
            judged,
            why_not,
        )
        for one in standings
    ]


def _ratio_to(reference: Standing, one: Standing, judged: Judged) -> Estimate | None:
    if one is reference or _valid(one) is None or _valid(reference) is None:
        return None
    if judged == "experienced":
        return ratio_of_rounds(one.throughputs, reference.throughputs)
    known = [judged_figure(_figures(side), THROUGHPUT, judged) for side in (one, reference)]
    figure, beside = (found for found in known if found is not None)  # every one has it
    return ratio_of_figures(figure, beside)


def _figures(standing: Standing) -> dict[str, Kpi]:
    return {} if standing.outcome is None else standing.outcome.figures


def _valid(standing: Standing) -> Record | None:
    if standing.state != "measured" or standing.outcome is None:
        return None
    return standing.outcome.record


def peers_text(rows: Sequence[Row], width: int | None = None) -> str:
    """Returns heading, table, what differs beyond the noise, and why engines are missing.

    ``width`` is the terminal's in columns, which the table keeps to as far as it can.
    """
    reference = rows[0].engine
    heading = [] if (record := _first_record(rows)) is None else [_heading(record)]
    lines = [peers_table(rows).text(width)]
    lines += [f"  {sentence}" for sentence in _verdicts(rows, reference)]
    if remark := judged_remark(rows):
        lines.append(f"{'!' if rows[0].why_not else ' '} {remark}")
    lines += [f"! {why}" for why in _why_missing(rows)]
    return "\n".join([*heading, *lines]) + "\n"


def peers_remarks(rows: Sequence[Row]) -> list[str]:
    """Returns what :func:`peers_text` says below the table, for a page."""
    return [*_verdicts(rows, rows[0].engine), *_why_missing(rows)]


def _why_missing(rows: Sequence[Row]) -> list[str]:
    return [
        f"{row.engine} {_STATES[row.standing.state]}: {row.standing.error.message}"
        + (f"; {row.standing.error.hint}" if row.standing.error.hint else "")
        for row in rows
        if row.standing.error is not None
    ]


def judged_remark(rows: Sequence[Row]) -> str:
    """Returns what the ratios are of where undisturbed batches were asked for, else nothing."""
    if rows[0].asked == "experienced":
        return ""
    if rows[0].why_not:
        return f"ratios are of what was experienced, since {rows[0].why_not}"
    return "ratios are of undisturbed batches alone, not of what was experienced"


def peers_table(rows: Sequence[Row]) -> Table:
    """Returns the table itself: a row for each engine, and why it has no figures.

    Where undisturbed batches were asked for, it has their throughput, and how fast the cores were.
    """
    alone = _UNDISTURBED_COLUMNS if rows[0].asked == "undisturbed" else ()
    return Table.of(
        (
            Column("engine", "left", wraps=True),
            *(Column(title, "right") for title in ("img/s", *alone, "latency ms", "p99")),
            Column(f"÷ {rows[0].engine}", "right", wraps=True),
            *(Column(title, "right") for title in ("top-1", "MiB", "first s")),
            Column("kernels", "left", wraps=True),
        ),
        [_cells(row, "1" if row is rows[0] else "") for row in rows],
    )


def peers_as_data(rows: Sequence[Row]) -> dict[str, Any]:
    """Returns the same for programs; throughput in images/s, times in ms and s, memory in MiB."""
    first = _first_record(rows)
    return {
        "case": None if first is None else first.case.name,
        "graph": None if first is None or first.model is None else first.model.graph,
        "batch_size": None if first is None else first.case.batch_size,
        "instances": None if first is None else first.case.instances,
        "cores_per_instance": None if first is None else first.case.cores_per_instance,
        "rounds": None if first is None else first.case.repeat,
        "reference": rows[0].engine,
        "judged": rows[0].judged,
        "why_not_undisturbed": rows[0].why_not or None,
        "engines": [_as_data(row) for row in rows],
    }


def _first_record(rows: Sequence[Row]) -> Record | None:
    return next((row.record for row in rows if row.record is not None), None)


def _heading(record: Record) -> str:
    case, model = record.case, record.model
    parts = [
        case.name,
        "" if model is None else f"ResNet-50 {model.graph}, weights {model.weights}",
        f"batch {case.batch_size}",
        f"{case.instances} × {counted(case.cores_per_instance, 'core')}",
        f"{case.repeat} rounds in turns",
    ]
    if record.engine is not None and record.engine.calibration:
        scored = record.accuracy is not None and case.dataset == SAMPLE
        which = ", which are scored too" if scored else ""
        parts.append(f"calibrated on {record.engine.calibration}{which}")
    return " · ".join(part for part in parts if part)


def _cells(row: Row, without_ratio: str) -> tuple[Cell, ...]:
    record, figures = row.record, row.figures
    alone = _undisturbed_cells(figures) if row.asked == "undisturbed" else ()
    if record is None:
        return (row.engine, Missing(row.standing.state), *[""] * (7 + len(alone)))
    accuracy = record.accuracy
    return (
        record.engine.version if record.engine else row.engine,
        _with_interval(figures.get(THROUGHPUT)),
        *alone,
        _with_interval(figures.get(LATENCY)),
        _plain(figures.get(P99_LATENCY), 4),
        without_ratio if row.ratio is None else _ratio(row.ratio),
        "" if accuracy is None else f"{accuracy.good}/{accuracy.total}",
        "" if MEMORY not in figures else f"{figures[MEMORY].value:.0f}",
        _plain(figures.get(FIRST_BATCH), 2),
        record.evidence.summary if record.evidence else "",
    )


def _undisturbed_cells(figures: Mapping[str, Kpi]) -> tuple[str, str]:
    share = figures.get(FULL_SPEED)
    return (
        _with_interval(judged_figure(figures, THROUGHPUT, "undisturbed")),
        "" if share is None else f"{share.value:.0f} %",
    )


def _with_interval(kpi: Kpi | None) -> str:
    return "" if kpi is None else with_interval(kpi.value, kpi.half_width)


def _plain(kpi: Kpi | None, digits: int) -> str:
    return "" if kpi is None else fixed(kpi.value, digits)


def _ratio(ratio: Estimate) -> str:
    if ratio.low is None or ratio.high is None:
        return f"{ratio.value:.3f}"
    return f"{ratio.value:.3f} ({ratio.low:.3f}–{ratio.high:.3f})"


def _verdicts(rows: Sequence[Row], reference: str) -> Iterator[str]:
    for row in rows:
        ratio, engine = row.ratio, row.engine
        if ratio is None:
            continue
        beyond = beyond_noise(ratio)
        if beyond is None:
            yield f"{engine}: too few rounds to say whether it differs from {reference}"
        elif beyond:
            percent = abs(100 * (ratio.value - 1))
            word = "faster" if ratio.value > 1 else "slower"
            yield f"{engine} is {percent:.1f} % {word} than {reference}, beyond the noise"
        else:
            yield f"{engine} and {reference} do not differ beyond the noise"


def _as_data(row: Row) -> dict[str, Any]:
    standing, record = row.standing, row.record
    folder = None if standing.outcome is None else str(standing.outcome.folder)
    known = {"engine": row.engine, "state": standing.state, "folder": folder}
    if record is None:
        error = standing.error
        return known | {"reason": error and error.message, "hint": error and error.hint}
    return known | {
        "version": record.engine.version if record.engine else None,
        "throughput": _estimate(row.figures.get(THROUGHPUT)),
        "undisturbed_throughput": _estimate(judged_figure(row.figures, THROUGHPUT, "undisturbed")),
        "full_speed_percent": _value(row.figures.get(FULL_SPEED)),
        "latency_ms": _estimate(row.figures.get(LATENCY)),
        "p99_ms": _estimate(row.figures.get(P99_LATENCY)),
        "ratio": _estimate(row.ratio),
        "beyond_noise": None if row.ratio is None else beyond_noise(row.ratio),
        "throughput_by_round": list(standing.throughputs),
        "accuracy": None
        if record.accuracy is None
        else {"good": record.accuracy.good, "total": record.accuracy.total},
        "memory_mib": _value(row.figures.get(MEMORY)),
        "first_batch_s": _value(row.figures.get(FIRST_BATCH)),
        "allocator": record.engine.allocator if record.engine else None,
        "kernels": record.evidence.summary if record.evidence else None,
    }


def _estimate(figure: Kpi | Estimate | None) -> dict[str, float | None] | None:
    if figure is None:
        return None
    return {"value": figure.value, "low": figure.low, "high": figure.high}


def _value(kpi: Kpi | None) -> float | None:
    return None if kpi is None else kpi.value
