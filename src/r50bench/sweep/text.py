"""What a sweep found, as text and data: every point, the best ones, the Pareto fronts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from r50bench.report.sizes import BATCH_SIZE, CORES, live_size
from r50bench.report.table import Cell, Column, Missing, Table
from r50bench.results.kpi import LATENCY, P99_LATENCY, THROUGHPUT, Kpi
from r50bench.sweep.results import PointResult, best, front
from r50bench.wording import fixed, with_interval

__all__ = [
    "live_row",
    "reasons",
    "status",
    "sweep_as_data",
    "sweep_csv",
    "sweep_tables",
    "sweep_text",
]

_SENSE = {
    "throughput": "img/s, the most",
    "latency": "ms, the least",
    "accuracy": "% top-1, the most",
}
_ABSENT = {"refused": "cannot run", "failed": "failed", "missing": "not yet"}
_UNITS = {"throughput": "img/s", "latency": "ms", "accuracy": "%"}


def sweep_text(results: Sequence[PointResult], passes: int) -> str:
    """Returns the table of all points, then best and front of each mode, then why points lack."""
    sections = [f"{title}\n{table.text()}" for title, table in sweep_tables(results, passes)]
    sections += ["\n".join(f"! {reason}" for reason in reasons(results))]
    return "\n\n".join(section for section in sections if section) + "\n"


def sweep_tables(results: Sequence[PointResult], passes: int) -> list[tuple[str, Table]]:
    """Returns the tables with their titles: for each mode all points, the best, the fronts."""
    modes = dict.fromkeys(one.point.mode for one in results)
    return [
        section
        for mode in modes
        for section in _of_mode(mode, [one for one in results if one.point.mode == mode], passes)
    ]


def reasons(results: Sequence[PointResult]) -> list[str]:
    """Returns for each reason that points have no figures which ones they are, and why."""
    lacking: dict[str, list[PointResult]] = {}
    for one in results:
        if one.reason is not None:
            lacking.setdefault(one.reason, []).append(one)
    return [f"{_who(points)}: {why}" for why, points in lacking.items()]


def live_row(result: PointResult, passes: int) -> str:
    """Returns one line for a point that has just been measured, aligned with those of others."""
    case = result.point.case
    assert case is not None
    where = "  ".join([live_size(case), *_others(result)])
    if result.reason is not None:
        return f"{where}  failed: {result.reason}"
    row = f"{where}  {_value(result.primary):>16} {_UNITS[case.mode]}"
    if case.mode == "throughput":
        row += f"  {_plain(result.figures[LATENCY]):>8} ms"
    return row + (f"  pass {result.runs} of {passes}" if passes > 1 else "")


def _of_mode(mode: str, results: Sequence[PointResult], passes: int) -> Iterator[tuple[str, Table]]:
    done = [one for one in results if one.figures]
    again = f", {passes} passes" if passes > 1 else ""
    yield f"{mode}: {len(done)} of {len(results)} points{again}", _all_points(mode, results)
    # Latencies of different batch sizes are never set side by side.
    if done and mode != "latency":
        summary = _summary(best(done, lambda one: one.point.precision))
        yield f"best per precision ({_SENSE[mode]})", summary
    chosen = best(done, _precision_and_batch)
    if len(chosen) > 1:
        yield f"best per batch size ({_SENSE[mode]})", _summary(chosen)
    if mode != "accuracy":
        for precision in dict.fromkeys(one.point.precision for one in done):
            ahead = front([one for one in done if one.point.precision == precision])
            yield f"Pareto front of {precision}", _front(ahead)


def _precision_and_batch(result: PointResult) -> tuple[str, int]:
    assert result.point.case is not None
    return result.point.precision, result.point.case.batch_size


def _all_points(mode: str, results: Sequence[PointResult]) -> Table:
    keys = list(dict.fromkeys(key for one in results for key, _ in one.point.others))
    timed = mode != "accuracy"
    figures = ("throughput img/s", "latency ms", "p99 ms") if timed else ("top-1 %",)
    rows: list[list[Cell]] = []
    for one in results:
        others = dict(one.point.others)
        cells: list[Cell] = [*_size(one), *(others.get(key, "") for key in keys)]
        if not one.figures:
            cells += [Missing(_ABSENT[status(one)]), *[""] * (len(figures) - 1)]
        elif timed:
            cells += [_value(one.figures[THROUGHPUT]), _value(one.figures[LATENCY])]
            cells.append(_plain(one.figures.get(P99_LATENCY)))
        else:
            cells.append(_plain(one.primary))
        rows.append(cells)
    head = ["precision", BATCH_SIZE, CORES, "instances", *keys]
    return Table.of([*head, *map(_right, figures)], rows)


def _right(title: str) -> Column:
    return Column(title, "right")


def _size(result: PointResult) -> list[str]:
    """Returns precision, batch size, cores per instance and instances, as far as they are known."""
    case, asked = result.point.case, dict(result.point.assignment)
    if case is None:
        size = [asked.get(key, "") for key in ("BATCH_SIZE", "CORES_PER_INSTANCE", "INSTANCES")]
    else:
        size = [str(case.batch_size), str(case.cores_per_instance), str(case.instances)]
    return [result.point.precision, *size]


def _summary(results: Sequence[PointResult]) -> Table:
    """Returns the summary of the original workloads: precision, BS, CPI, CPU, value."""
    rows = []
    for one in results:
        assert one.record is not None
        case = one.record.case
        row = [case.precision, str(case.batch_size), str(case.cores_per_instance)]
        row += [str(one.record.host.get("platform", "")), _plain(one.primary)]
        rows.append([*row, " ".join(_others(one))])
    return Table.of(("precision", BATCH_SIZE, CORES, "CPU", "value", ""), rows)


def _front(results: Sequence[PointResult]) -> Table:
    rows = []
    for one in results:
        assert one.record is not None
        case = one.record.case
        row = [str(case.batch_size), str(case.cores_per_instance)]
        row += [_plain(one.figures[LATENCY]), _plain(one.figures[THROUGHPUT])]
        rows.append([*row, " ".join(_others(one))])
    return Table.of((BATCH_SIZE, CORES, "latency ms", "throughput img/s", ""), rows)


def _others(result: PointResult) -> list[str]:
    return [f"{key}={text}" for key, text in result.point.others]


def _who(results: Sequence[PointResult]) -> str:
    first = results[0].point
    words = " ".join([first.name, *(f"{key}={text}" for key, text in first.assignment)])
    return words + (f" and {len(results) - 1} more" if len(results) > 1 else "")


def _value(kpi: Kpi | None) -> str:
    return "" if kpi is None else with_interval(kpi.value, kpi.half_width)


def _plain(kpi: Kpi | None) -> str:
    return "" if kpi is None else fixed(kpi.value, 4)


def sweep_csv(results: Sequence[PointResult]) -> str:
    """Returns a row per point: what was set, size, status and every figure with its interval."""
    size = ["PRECISION", "BATCH_SIZE", "CORES_PER_INSTANCE", "INSTANCES"]
    keys = list(dict.fromkeys(key for one in results for key, _ in one.point.assignment))
    others = [key for key in keys if key not in size]
    names = list(dict.fromkeys(name for one in results for name in one.figures))
    ends = [f"{name} {end}".strip() for name in names for end in ("", "low", "high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["CASE", *size, *others, "passes", "status", "reason", *ends, "records"])
    for one in results:
        asked = dict(one.point.assignment)
        figures = [value for name in names for value in _ends(one.figures.get(name))]
        row = [one.point.name, *_size(one), *(asked.get(key, "") for key in others)]
        row += [str(one.runs), status(one), one.reason or "", *figures]
        writer.writerow([*row, " ".join(folder.name for folder in one.folders)])
    return text.getvalue()


def _ends(kpi: Kpi | None) -> tuple[str, str, str]:
    values = (None, None, None) if kpi is None else (kpi.value, kpi.low, kpi.high)
    low, middle, high = ("" if value is None else repr(value) for value in values)
    return low, middle, high


def status(result: PointResult) -> str:
    """Returns measured, refused (this host cannot run it), failed, or missing."""
    if result.figures:
        return "measured"
    if result.reason is None:
        return "missing"
    return "refused" if result.point.case is None else "failed"


def sweep_as_data(results: Sequence[PointResult]) -> dict[str, Any]:
    """Returns the same for JSON: all points, and which of them, by number, are best or in front."""
    numbers = {id(one): at for at, one in enumerate(results)}
    done = [one for one in results if one.figures]
    kinds: dict[tuple[str, str], list[PointResult]] = {}
    for one in done:
        kinds.setdefault((one.point.mode, one.point.precision), []).append(one)
    timed = {key: some for key, some in kinds.items() if key[0] != "accuracy"}
    comparable = [one for one in done if one.point.mode != "latency"]
    per_precision = best(comparable, lambda one: (one.point.mode, one.point.precision))
    per_batch = best(done, lambda one: (one.point.mode, *_precision_and_batch(one)))
    return {
        "points": [_point_as_data(one) for one in results],
        "best_per_precision": [numbers[id(one)] for one in per_precision],
        "best_per_batch_size": [numbers[id(one)] for one in per_batch],
        "pareto_fronts": [
            {
                "mode": mode,
                "precision": precision,
                "points": [numbers[id(one)] for one in front(some)],
            }
            for (mode, precision), some in timed.items()
        ],
    }


def _point_as_data(result: PointResult) -> dict[str, Any]:
    return {
        "name": result.point.name,
        "set": dict(result.point.assignment),
        "case": msgspec.to_builtins(result.point.case),
        "status": status(result),
        "reason": result.reason,
        "passes": result.runs,
        "records": [folder.name for folder in result.folders],
        "kpis": [msgspec.to_builtins(kpi) for kpi in result.figures.values()],
    }
