"""What a sweep found, as text and data: every point, the best ones, the Pareto fronts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from r50bench.report.sizes import BATCH_SIZE, CORES, live_size
from r50bench.report.table import Cell, Column, Missing, Table
from r50bench.results.kpi import LATENCY, P99_LATENCY, THROUGHPUT, Kpi
from r50bench.sweep.results import Best, PointResult, best, front, near_front
from r50bench.wording import first_few, fixed, with_interval

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
_RIVALS = f"cannot tell apart from\n({BATCH_SIZE}/{CORES})"
_OTHERS = Column("", "left", wraps=True)
_MOST_RIVALS = 3
_UNITS = {"throughput": "img/s", "latency": "ms", "accuracy": "%"}


def sweep_text(results: Sequence[PointResult], passes: int, width: int | None = None) -> str:
    """Returns the table of all points, then best and front of each mode, then what is lacking.

    ``width`` is the terminal's in columns, which the tables keep to as far as they can.
    """
    sections = [f"{title}\n{table.text(width)}" for title, table in sweep_tables(results, passes)]
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
    """Returns for each reason that points have no figures, or no interval, which ones and why."""
    lacking: dict[str, list[PointResult]] = {}
    for one in results:
        if one.reason is not None:
            lacking.setdefault(one.reason, []).append(one)
        elif _lacks_interval(one):
            lacking.setdefault(_NO_INTERVAL, []).append(one)
    return [f"{_who(points)}: {why}" for why, points in lacking.items()]


_NO_INTERVAL = (
    "too few batches for an interval (± ?), and nothing can be told apart without one: more"
    " --steps, or --repeat 3"
)


def _lacks_interval(result: PointResult) -> bool:
    case, primary = result.point.case, result.primary
    timed = case is not None and case.mode != "accuracy"
    return timed and primary is not None and primary.half_width is None


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
            of_precision = [one for one in done if one.point.precision == precision]
            title = f"Pareto front of {precision}"
            if near := near_front(of_precision):
                title += f" (cannot tell apart from it, {BATCH_SIZE}/{CORES}: {_named(near)})"
            yield title, _front(front(of_precision))


def _precision_and_batch(result: PointResult) -> tuple[str, int]:
    assert result.point.case is not None
    return result.point.precision, result.point.case.batch_size


def _all_points(mode: str, results: Sequence[PointResult]) -> Table:
    keys = list(dict.fromkeys(key for one in results for key, _ in one.point.others))
    timed = mode != "accuracy"
    tails = timed and any(P99_LATENCY in one.figures for one in results)  # few batches have none
    figures: tuple[str, ...] = ("throughput img/s", "latency ms") if timed else ("top-1 %",)
    figures += ("p99 ms",) if tails else ()
    rows: list[list[Cell]] = []
    for one in results:
        others = dict(one.point.others)
        cells: list[Cell] = [*_size(one), *(others.get(key, "") for key in keys)]
        if not one.figures:
            cells += [Missing(_ABSENT[status(one)]), *[""] * (len(figures) - 1)]
        elif timed:
            cells += [_value(one.figures[THROUGHPUT]), _value(one.figures[LATENCY])]
            cells += [_plain(one.figures.get(P99_LATENCY))] if tails else []
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


def _summary(chosen: Sequence[Best]) -> Table:
    """Returns the summary of the original workloads: precision, BS, CPI, CPU, value.

    Beside the best stand those that may be as good.
    """
    rows = []
    for one in chosen:
        record = one.result.record
        assert record is not None
        case = record.case
        row = [case.precision, str(case.batch_size), str(case.cores_per_instance)]
        row += [str(record.host.get("platform", "")), _plain(one.result.primary)]
        rows.append([*row, " ".join(_others(one.result)), _named(one.rivals)])
    rivals = Column(_RIVALS if any(one.rivals for one in chosen) else "", "left", wraps=True)
    return Table.of(("precision", BATCH_SIZE, CORES, "CPU", "value", _OTHERS, rivals), rows)


def _named(results: Sequence[PointResult]) -> str:
    """Returns ``8/2, 16/1 and 3 more``: batch sizes and cores, with what else was set."""
    return first_few([_short(one) for one in results], _MOST_RIVALS)


def _short(result: PointResult) -> str:
    case = result.point.case
    assert case is not None
    return " ".join([f"{case.batch_size}/{case.cores_per_instance}", *_others(result)])


def _front(results: Sequence[PointResult]) -> Table:
    rows = []
    for one in results:
        assert one.record is not None
        case = one.record.case
        row = [str(case.batch_size), str(case.cores_per_instance)]
        row += [_plain(one.figures[LATENCY]), _plain(one.figures[THROUGHPUT])]
        rows.append([*row, " ".join(_others(one))])
    return Table.of((BATCH_SIZE, CORES, "latency ms", "throughput img/s", _OTHERS), rows)


def _others(result: PointResult) -> list[str]:
    return [f"{key}={text}" for key, text in result.point.others]


def _who(results: Sequence[PointResult]) -> str:
    first = results[0].point
    words = " ".join([first.name, *(f"{key}={text}" for key, text in first.assignment)])
    return words + (f" and {len(results) - 1} more" if len(results) > 1 else "")


def _value(kpi: Kpi | None) -> str:
    if kpi is None:
        return ""
    unknown = " ± ?" if kpi.half_width is None else ""
    return with_interval(kpi.value, kpi.half_width) + unknown


def _plain(kpi: Kpi | None) -> str:
    return "" if kpi is None else fixed(kpi.value, 4)


def sweep_csv(results: Sequence[PointResult]) -> str:
    """Returns a row per point: what was set, size, status, every figure with unit and interval."""
    size = ["PRECISION", "BATCH_SIZE", "CORES_PER_INSTANCE", "INSTANCES"]
    keys = list(dict.fromkeys(key for one in results for key, _ in one.point.assignment))
    others = [key for key in keys if key not in size]
    labels = {name: kpi.label for one in results for name, kpi in one.figures.items()}
    ends = [f"{of}{end}" for of in labels.values() for end in ("", " 95% low", " 95% high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["CASE", *size, *others, "passes", "status", "reason", *ends, "records"])
    for one in results:
        asked = dict(one.point.assignment)
        figures = [value for name in labels for value in _ends(one.figures.get(name))]
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
    """Returns the same for JSON: all points, and which of them, by number, are best or in front.

    ``cannot_tell_apart`` lists for each best, in the same order, those that may be as good.
    """
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
        "best_per_precision": [numbers[id(one.result)] for one in per_precision],
        "best_per_batch_size": [numbers[id(one.result)] for one in per_batch],
        "cannot_tell_apart": {
            "best_per_precision": [_numbered(one.rivals, numbers) for one in per_precision],
            "best_per_batch_size": [_numbered(one.rivals, numbers) for one in per_batch],
        },
        "pareto_fronts": [
            {
                "mode": mode,
                "precision": precision,
                "points": _numbered(front(some), numbers),
                "cannot_tell_apart": _numbered(near_front(some), numbers),
            }
            for (mode, precision), some in timed.items()
        ],
    }


def _numbered(results: Sequence[PointResult], numbers: Mapping[int, int]) -> list[int]:
    return [numbers[id(one)] for one in results]


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
