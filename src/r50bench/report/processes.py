"""What several processes of each case came to, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from r50bench.report.table import Column, Missing, Table
from r50bench.results.kpi import Kpi
from r50bench.results.processes import ProcessFigures, process_figures
from r50bench.wording import fixed

__all__ = ["processes_text"]

_COLUMNS = (
    Column("case and figure", "left", wraps=True),
    Column("processes", "right"),
    Column("mean", "right"),
    Column("95 % interval", "left", wraps=True),
    Column("spread\nbetween\nprocesses", "right"),
    Column("of it not\nseen in\none", "right"),
)


def processes_text(cases: Iterable[tuple[str, Sequence[Kpi]]], width: int | None = None) -> str:
    """Returns a row for each case, given by its label and each process's primary figure.

    Cases without any figure are left out; empty where there are no others.
    """
    rows = [_row(label, process_figures(figures)) for label, figures in cases if figures]
    return Table.of(_COLUMNS, rows).text(width) + "\n" if rows else ""


def _row(label: str, found: ProcessFigures) -> tuple[str | Missing, ...]:
    low, high = found.estimate.low, found.estimate.high
    known = low is not None and high is not None
    return (
        f"{label}: {found.name} ({found.unit})",
        str(len(found.values)),
        fixed(found.estimate.value, 4),
        f"{fixed(low, 4)} to {fixed(high, 4)}" if known and low and high else Missing("-"),
        Missing("-") if found.spread is None else f"{100 * found.spread:.2f} %",
        Missing("-") if found.between is None else f"{100 * found.between:.0f} %",
    )
