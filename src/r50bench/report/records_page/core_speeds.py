"""How fast the cores were while each record was measured, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from r50bench.report.core_speed import undisturbed_primary
from r50bench.report.records_page.shown import Shown
from r50bench.report.table import Cell, Column, Missing, Table
from r50bench.results.kpi import FULL_SPEED, UNDISTURBED_BATCHES, Kpi
from r50bench.wording import with_interval

__all__ = ["core_speeds_table"]

_COLUMNS = (
    Column("", "left"),
    Column("cores at full speed,\n% of the batches", "right"),
    Column("batches undisturbed\nfrom end to end", "right"),
    Column("undisturbed", "right"),
    Column("as experienced", "right"),
    Column("", "left"),
)


def core_speeds_table(shown: Sequence[Shown]) -> Table:
    """Returns a row for each record whose cores a canary looked at; records are labelled."""
    looked_at = [one for one in shown if UNDISTURBED_BATCHES in one.figures]
    return Table.of(_COLUMNS, map(_row, looked_at))


def _row(one: Shown) -> tuple[Cell, ...]:
    figures, primary = one.figures, one.primary
    alone = None if primary is None else undisturbed_primary(figures)
    return (
        one.label,
        f"{figures[FULL_SPEED].value:.0f}",
        f"{figures[UNDISTURBED_BATCHES].value:.0f} of {figures['Samples'].value:.0f}",
        Missing("too few") if alone is None else _told(alone),
        "" if primary is None else _told(primary),
        "" if primary is None else primary.unit,
    )


def _told(kpi: Kpi) -> str:
    return with_interval(kpi.value, kpi.half_width)
