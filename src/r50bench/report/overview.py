"""The one table of the main job: how fast and how right each precision is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from r50bench.case import Case
from r50bench.errors import UsageError
from r50bench.notices import disturbance
from r50bench.precision import PRECISIONS
from r50bench.report.core_speed import (
    core_speed_sentence,
    often_disturbed,
    undisturbed_primary,
)
from r50bench.report.table import Cell, Column, Missing, Table
from r50bench.results.comparable import same_model
from r50bench.results.kpi import (
    EFFICIENCY,
    P50_LATENCY,
    P90_LATENCY,
    P99_LATENCY,
    THROUGHPUT,
    Kpi,
)
from r50bench.results.record import Accuracy, Record
from r50bench.wording import fixed, with_interval

__all__ = ["OverviewRow", "overview_rows", "overview_table", "overview_text"]

_NARROW = 100


@dataclass(frozen=True)
class OverviewRow:
    """One precision on one engine: latencies in ms at ``latency_batch``, throughput in images/s.

    ``share_of_limit`` is the share (0 to 1) of the machine's measured peak that the throughput
    reaches, None where the peak is not known. ``notes`` say why a cell has no figure; ``lost`` are
    the disturbed cases, by mode, with the share of the time that an instance waited for its CPU;
    ``slow`` says by mode how fast the cores were, where batches were often disturbed;
    ``hidden_modes`` are those in which too few were undisturbed to say how fast these alone are.
    ``told_by`` is what tells it from other rows of its precision and engine, empty without any.
    """

    precision: str
    engine: str
    throughput: Kpi | Missing
    p50: Kpi | Missing
    p90: Kpi | Missing
    p99: Kpi | Missing
    accuracy: Accuracy | Missing
    kernels: str | Missing
    throughput_batch: int | None = None
    latency_batch: int | None = None
    share_of_limit: float | None = None
    notes: tuple[str, ...] = ()
    lost: Mapping[str, float] = field(default_factory=dict)
    slow: Mapping[str, str] = field(default_factory=dict)
    hidden_modes: tuple[str, ...] = ()
    told_by: str = ""

    @property
    def timed_modes(self) -> tuple[str, ...]:
        sizes = {"throughput": self.throughput_batch, "latency": self.latency_batch}
        return tuple(mode for mode, size in sizes.items() if size is not None)


def overview_rows(
    runs: Sequence[tuple[Record, Mapping[str, Kpi]]],
    failures: Sequence[tuple[Case, str]] = (),
    unfinished: Sequence[Case] = (),
) -> list[OverviewRow]:
    """Groups records with their figures, by name, by precision and engine.

    Precisions come in the order of the vocabulary, engines in the order given. ``failures`` are
    cases that left no record, with the reason, ``unfinished`` those whose turn has not come. A mode
    that was run more than once for a precision and engine gives a row for each time.

    Raises:
        UsageError: the valid records are of different models, which no table may mix.
    """
    _refuse_mixed_models([record for record, _ in runs if record.status == "valid"])
    cells = [
        *(_cell(record, figures) for record, figures in runs),
        *(_Cell(case, None, {}, reason) for case, reason in failures),
    ]
    queues: dict[tuple[str, str], dict[str, list[_Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        queues[cell.case.precision, cell.case.engine][cell.case.mode].append(cell)
    for case in unfinished:
        _ = queues[case.precision, case.engine]
    return [
        row
        for (precision, engine), modes in sorted(
            queues.items(), key=lambda item: list(PRECISIONS).index(item[0][0])
        )
        for row in _rows(precision, engine, modes)
    ]


def overview_text(rows: Sequence[OverviewRow], width: int = 100) -> str:
    """Returns the table for a terminal of ``width`` columns, with the notes below it.

    Below 100 columns the top-5 column goes and the kernels wrap. Where even that does not fit,
    lines are longer than the terminal: no figure is ever cut.
    """
    table = overview_table(rows, top5=width >= _NARROW).text(width)
    notes = [*_batch_sizes(rows), *(f"! {note}" for row in rows for note in row.notes)]
    notes += [f"! {sentence}" for sentence in (*_disturbed(rows), *_slow(rows))]
    return "\n".join([table, *notes]) + "\n"


def overview_table(rows: Sequence[OverviewRow], *, top5: bool = True) -> Table:
    columns = list(_columns(rows, top5=top5))
    cells = [[column.cell(row) for column in columns] for row in rows]
    if _engines_differ(rows):
        for before, row, line in zip(rows, rows[1:], cells[1:], strict=False):
            if before.precision == row.precision:
                line[0] = ""
    return Table.of((column.head for column in columns), cells)


def _disturbed(rows: Sequence[OverviewRow]) -> Iterator[str]:
    """Yields one sentence for all rows that were disturbed: which, and how badly the worst was."""
    shares = [share for row in rows for share in row.lost.values()]
    if not shares:
        return
    names = _named([(row, row.lost) for row in rows], _engines_differ(rows))
    notice = disturbance(max(shares))
    yield f"at worst, {notice}; disturbed: {names}"


def _slow(rows: Sequence[OverviewRow]) -> Iterator[str]:
    """Yields a sentence for each figure whose batches were often disturbed."""
    engines = _engines_differ(rows)
    for row in rows:
        for mode, said in row.slow.items():
            yield f"{_name(row, engines)} ({mode}): {said}"
    hidden = _named([(row, row.hidden_modes) for row in rows], engines)
    if hidden:
        yield (
            "too few batches passed undisturbed from end to end, or too mixed ones, to say how"
            f" fast these alone are: {hidden}; 'r50bench kpi' says how fast the cores were"
        )


def _named(modes_of: Sequence[tuple[OverviewRow, Collection[str]]], engines: bool) -> str:
    """Names rows with their modes; all modes of all rows as that, nothing where no row has any."""
    names = [f"{_name(row, engines)} ({', '.join(modes)})" for row, modes in modes_of if modes]
    everywhere = all(len(modes) >= len(row.timed_modes) for row, modes in modes_of)
    return "all rows" if names and everywhere else ", ".join(names)


def _name(row: OverviewRow, engines: bool) -> str:
    return f"{row.precision} {row.engine}" if engines else row.precision


def _engines_differ(rows: Sequence[OverviewRow]) -> bool:
    return len({row.engine for row in rows}) > 1


@dataclass(frozen=True)
class _Cell:
    """What one case gave: figures by name, or a reason why there are none."""

    case: Case
    record: Record | None
    figures: Mapping[str, Kpi]
    reason: str | None


def _cell(record: Record, figures: Mapping[str, Kpi]) -> _Cell:
    if record.status != "valid":
        return _Cell(record.case, record, {}, record.reason or "no reason given")
    return _Cell(record.case, record, figures, None)


def _refuse_mixed_models(records: Sequence[Record]) -> None:
    for record in records[1:]:
        why = same_model(records[0], record)
        if why is not None:
            raise UsageError(
                f"these records do not belong in one table: {why}",
                hint="choose the records of one model",
            )


_TOLD_BY: tuple[Callable[[Case], str], ...] = (
    lambda case: case.case_type,
    lambda case: f"batch {case.batch_size}",
    lambda case: f"{case.instances} × {case.cores_per_instance}",
)
"""What may tell rows of one precision and engine apart."""


def _rows(
    precision: str, engine: str, modes: Mapping[str, Sequence[_Cell]]
) -> Iterator[OverviewRow]:
    turns = [
        {mode: of[turn] for mode, of in modes.items() if turn < len(of)}
        for turn in range(max(map(len, modes.values()), default=1))
    ]
    alike = {mode: [cell.case for cell in of] for mode, of in modes.items() if len(of) > 1}
    parts = [part for part in _TOLD_BY if any(len(set(map(part, of))) > 1 for of in alike.values())]
    for cells in turns:
        several = next((cell.case for mode, cell in cells.items() if mode in alike), None)
        told = [part(several) for part in parts] if several else []
        row = _row(precision, engine, cells)
        yield replace(row, told_by=" · ".join(filter(None, told)))


def _row(precision: str, engine: str, cells: Mapping[str, _Cell]) -> OverviewRow:
    throughput, latency = map(cells.get, ("throughput", "latency"))
    slowed = {mode: cell for mode, cell in cells.items() if often_disturbed(cell.figures)}
    hidden = [mode for mode, cell in slowed.items() if not undisturbed_primary(cell.figures)]
    return OverviewRow(
        precision=precision,
        engine=engine,
        throughput=_figure(throughput, THROUGHPUT),
        p50=_figure(latency, P50_LATENCY),
        p90=_figure(latency, P90_LATENCY),
        p99=_figure(latency, P99_LATENCY),
        accuracy=_accuracy(cells),
        kernels=_kernels(cells.values()),
        throughput_batch=throughput.case.batch_size if throughput else None,
        latency_batch=latency.case.batch_size if latency else None,
        share_of_limit=_share_of_limit(throughput),
        notes=tuple(_failures(cells.values())),
        lost={
            mode: cell.record.lost_cpu_share or 0.0
            for mode, cell in cells.items()
            if cell.record and not cell.reason and disturbance(cell.record.lost_cpu_share)
        },
        slow={
            mode: said
            for mode, cell in slowed.items()
            if mode not in hidden and (said := core_speed_sentence(cell.figures))
        },
        hidden_modes=tuple(hidden),
    )


def _failures(cells: Iterable[_Cell]) -> Iterator[str]:
    for cell in cells:
        if cell.reason:
            yield f"{cell.case.name} on {cell.case.engine} failed: {cell.reason}"


def _figure(cell: _Cell | None, name: str) -> Kpi | Missing:
    if cell is None:
        return Missing("not run")
    if cell.reason is not None:
        return Missing("failed")
    return cell.figures.get(name, Missing("too few"))


def _share_of_limit(cell: _Cell | None) -> float | None:
    figure = None if cell is None else cell.figures.get(EFFICIENCY)
    return None if figure is None else figure.value / 100


def _accuracy(cells: Mapping[str, _Cell]) -> Accuracy | Missing:
    """Returns what was scored: by a run for that, or by one that was timed first."""
    scored = [
        cell.record.accuracy
        for cell in cells.values()
        if cell.record and cell.record.accuracy and cell.reason is None
    ]
    if scored:
        return scored[0]
    return Missing("failed" if "accuracy" in cells else "not run")


def _kernels(cells: Iterable[_Cell]) -> Cell:
    """Returns what the runs proved; one that proved otherwise outweighs the others."""
    evidence = [cell.record.evidence for cell in cells if cell.record and cell.record.evidence]
    if not evidence:
        return Missing("not seen")
    for one in evidence:
        if not one.proved:
            return Missing(f"not proved: {one.summary}")
    return ", ".join(dict.fromkeys(one.summary for one in evidence))


@dataclass(frozen=True)
class _Column:
    """A column of the table, and what gives its cells."""

    head: Column
    cell: Callable[[OverviewRow], Cell]


def _columns(rows: Sequence[OverviewRow], *, top5: bool) -> Iterator[_Column]:
    yield _Column(Column("precision", "left"), lambda row: row.precision)
    if _engines_differ(rows):
        yield _Column(Column("engine", "left"), lambda row: row.engine)
    yield _Column(Column("", "left"), lambda row: row.told_by)
    yield _figures("throughput\nimg/s", lambda row: _throughput_text(row.throughput))
    yield _figures("latency ms\np50", lambda row: _latency_text(row.p50))
    yield _figures("p90", lambda row: _latency_text(row.p90))
    yield _figures("p99", lambda row: _latency_text(row.p99))
    yield _figures("top-1", lambda row: _score_text(row.accuracy, "good"))
    if top5:
        yield _figures("top-5", lambda row: _score_text(row.accuracy, "good5"))
    if any(row.share_of_limit is not None for row in rows):
        yield _figures("% of\npeak", lambda row: _share_text(row.share_of_limit))
    yield _Column(Column("kernels proved", "left", wraps=True), lambda row: row.kernels)


def _figures(title: str, cell: Callable[[OverviewRow], Cell]) -> _Column:
    return _Column(Column(title, "right"), cell)


def _throughput_text(cell: Kpi | Missing) -> Cell:
    if isinstance(cell, Missing):
        return cell
    return with_interval(cell.value, cell.half_width)


def _latency_text(cell: Kpi | Missing) -> Cell:
    return cell if isinstance(cell, Missing) else fixed(cell.value, 4)


def _score_text(cell: Accuracy | Missing, which: Literal["good", "good5"]) -> Cell:
    if isinstance(cell, Missing):
        return cell
    good = getattr(cell, which)
    return Missing("not kept") if good is None else f"{good}/{cell.total}"


def _share_text(share: float | None) -> Cell:
    return Missing("unknown") if share is None else f"{100 * share:.0f}"


def _batch_sizes(rows: Sequence[OverviewRow]) -> Iterator[str]:
    """Says at which batch sizes the figures hold: the usual one, and which precisions differ."""
    named = {
        "throughput": _by_precision(rows, lambda row: row.throughput_batch),
        "latency": _by_precision(rows, lambda row: row.latency_batch),
    }
    parts = []
    for mode, pairs in named.items():
        known = [(precision, size) for precision, size in pairs if size is not None]
        if known:
            parts.append(f"{mode} {_sizes_text(known)}")
    if parts:
        yield f"batch size: {'; '.join(parts)}"


def _by_precision(
    rows: Sequence[OverviewRow], size_of: Callable[[OverviewRow], int | None]
) -> list[tuple[str, int | None]]:
    """Returns the sizes with their precisions, and with engines too where these differ in it."""
    sizes: dict[str, dict[int | None, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if size_of(row) is not None:
            sizes[row.precision][size_of(row)].append(row.engine)
    return [
        (f"{precision} on {', '.join(engines)}" if len(of_engines) > 1 else precision, size)
        for precision, of_engines in sizes.items()
        for size, engines in of_engines.items()
    ]


def _sizes_text(sizes: Sequence[tuple[str, int]]) -> str:
    usual, _ = Counter(size for _, size in sizes).most_common(1)[0]
    others = [f"{precision}: {size}" for precision, size in sizes if size != usual]
    return f"{usual} ({', '.join(others)})" if others else str(usual)
