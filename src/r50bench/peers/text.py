"""Engines beside each other, as a table, as sentences and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from r50bench.assets.imagenet import SAMPLE
from r50bench.peers.run import Standing
from r50bench.report.table import Cell, Column, Missing, Table
from r50bench.results.kpi import (
    FIRST_BATCH,
    LATENCY,
    MEMORY,
    P99_LATENCY,
    THROUGHPUT,
    Kpi,
)
from r50bench.results.ratio import beyond_noise, ratio_of_rounds
from r50bench.results.record import Record
from r50bench.results.stats import Estimate
from r50bench.wording import counted, fixed, with_interval

__all__ = ["Row", "peer_rows", "peers_as_data", "peers_table", "peers_text"]

_STATES = {"absent": "is absent", "refused": "cannot run this", "failed": "failed"}


@dataclass(frozen=True)
class Row:
    """One engine's line. ``figures`` are its KPIs by name, none where it was not measured.

    ``ratio`` is its throughput over that of the reference, None for the reference itself and where
    either was not measured.
    """

    standing: Standing
    figures: dict[str, Kpi]
    ratio: Estimate | None

    @property
    def engine(self) -> str:
        return self.standing.engine

    @property
    def record(self) -> Record | None:
        """The record of a valid run, None where there is none."""
        return _valid(self.standing)


def peer_rows(standings: Sequence[Standing]) -> list[Row]:
    """Returns a row for each engine; the first is the reference of the ratios."""
    reference = standings[0]
    rows = []
    for one in standings:
        record, figures, ratio = _valid(one), {}, None
        if record is not None and one.outcome is not None:
            figures = one.outcome.figures
            if one is not reference and _valid(reference) is not None:
                ratio = ratio_of_rounds(one.throughputs, reference.throughputs)
        rows.append(Row(one, figures, ratio))
    return rows


def _valid(standing: Standing) -> Record | None:
    if standing.state != "measured" or standing.outcome is None:
        return None
    return standing.outcome.record


def peers_text(rows: Sequence[Row]) -> str:
    """Returns heading, table, what differs beyond the noise, and why engines are missing."""
    reference = rows[0].engine
    heading = [] if (record := _first_record(rows)) is None else [_heading(record)]
    lines = [peers_table(rows).text()]
    lines += [f"  {sentence}" for sentence in _verdicts(rows, reference)]
    lines += [
        f"! {row.engine} {_STATES[row.standing.state]}: {row.standing.error.message}"
        + (f"; {row.standing.error.hint}" if row.standing.error.hint else "")
        for row in rows
        if row.standing.error is not None
    ]
    return "\n".join([*heading, *lines]) + "\n"


def peers_table(rows: Sequence[Row]) -> Table:
    """Returns the table itself: a row for each engine, and why it has no figures."""
    figures = ("img/s", "latency ms", "p99", f"÷ {rows[0].engine}", "top-1", "MiB", "first s")
    return Table.of(
        (
            Column("engine", "left"),
            *(Column(title, "right") for title in figures),
            Column("kernels", "left"),
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
    if record is None:
        return (row.engine, Missing(row.standing.state), *[""] * 7)
    accuracy = record.accuracy
    return (
        record.engine.version if record.engine else row.engine,
        _with_interval(figures.get(THROUGHPUT)),
        _with_interval(figures.get(LATENCY)),
        _plain(figures.get(P99_LATENCY), 4),
        without_ratio if row.ratio is None else _ratio(row.ratio),
        "" if accuracy is None else f"{accuracy.good}/{accuracy.total}",
        "" if MEMORY not in figures else f"{figures[MEMORY].value:.0f}",
        _plain(figures.get(FIRST_BATCH), 2),
        record.evidence.summary if record.evidence else "",
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
