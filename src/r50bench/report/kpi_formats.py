"""KPI blocks of any number of records as text, JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from r50bench.errors import UsageError, did_you_mean
from r50bench.report.kpi_block import KpiBlock, blocks_text
from r50bench.report.table import Column, Table
from r50bench.results.kpi import Kpi
from r50bench.wording import figure

__all__ = ["KPI_FORMATS", "format_kpis"]

KPI_FORMATS = (
    "text",
    "json",
    "csv",
    "markdown",
    "junit",
    "openmetrics",
    "github-bigger-is-better",
    "github-smaller-is-better",
)


def format_kpis(
    blocks: Sequence[KpiBlock], format: str = "text", *, primary_only: bool = False
) -> str:
    """Returns the blocks in one of :data:`KPI_FORMATS`, ending in a newline.

    ``text``: one block after the other (with ``primary_only`` a line of where and the KPI line).
    ``json``: an array of one object per record. ``csv``: a row per record, a column per setting and
    figure that any of them has, intervals in columns of their own. ``markdown``: a section with a
    table per record, or with ``primary_only`` one table. The others are those of
    :mod:`r50bench.report.ci_formats`. Programs' formats give every digit.

    Raises:
        UsageError: there is no such format.
    """
    if format not in KPI_FORMATS:
        raise UsageError(
            f"unknown format {format!r}",
            hint=did_you_mean(format, KPI_FORMATS) or f"known: {', '.join(KPI_FORMATS)}",
        )
    if primary_only:
        blocks = [_with_primary_only(block) for block in blocks]
    if format in _OF_CI:
        return _of_ci(format, blocks)
    return _WRITERS[format, primary_only](blocks)


def _of_ci(format: str, blocks: Sequence[KpiBlock]) -> str:
    from r50bench.report import ci_formats  # XML takes 10 ms to import, and few ask for it

    match format:
        case "junit":
            return ci_formats.junit_kpis(blocks)
        case "openmetrics":
            return ci_formats.openmetrics(blocks)
        case _:
            return ci_formats.github_benchmark(blocks, bigger=format == "github-bigger-is-better")


def _with_primary_only(block: KpiBlock) -> KpiBlock:
    return replace(block, kpis=tuple(kpi for kpi in block.kpis if kpi.primary))


def _primary_text(blocks: Sequence[KpiBlock]) -> str:
    lines = []
    for block in blocks:
        lines.append(f"# {block.record_id}")
        if block.reason is not None:
            lines.append(f"# invalid: {block.reason}")
        lines += [f"*{kpi.label}: {figure(kpi.value)}" for kpi in block.kpis]
    return "\n".join(lines) + "\n"


def _json(blocks: Sequence[KpiBlock]) -> str:
    return json.dumps([_as_object(block) for block in blocks], indent=2, ensure_ascii=False) + "\n"


def _as_object(block: KpiBlock) -> dict[str, Any]:
    return {
        "record": block.record_id,
        "case": block.case_name,
        "valid": block.valid,
        "reason": block.reason,
        "settings": dict(block.settings),
        "kpis": [
            {
                "name": kpi.name,
                "unit": kpi.unit,
                "value": kpi.value,
                "low": kpi.low,
                "high": kpi.high,
                "primary": kpi.primary,
            }
            for kpi in block.kpis
        ],
        "notes": list(block.notes),
    }


def _csv(blocks: Sequence[KpiBlock]) -> str:
    rows = [_as_row(block) for block in blocks]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _as_row(block: KpiBlock) -> Mapping[str, str | float]:
    row: dict[str, str | float] = {
        **dict(block.settings),
        "valid": str(block.valid),
        "reason": block.reason or "",
    }
    for kpi in block.kpis:
        row[kpi.label] = kpi.value
        if kpi.low is not None and kpi.high is not None:
            row[f"{kpi.label} 95% low"] = kpi.low
            row[f"{kpi.label} 95% high"] = kpi.high
    return row


_KPI_HEAD = (Column("KPI", "left"), Column("value", "right"), Column("95 % interval", "left"))


def _markdown(blocks: Sequence[KpiBlock]) -> str:
    return "\n".join(_markdown_section(block) for block in blocks)


def _markdown_section(block: KpiBlock) -> str:
    settings = ", ".join(f"{key} {_cell(value)}" for key, value in block.settings)
    lines = [f"### {block.case_name}", "", settings, ""]
    if block.reason is not None:
        lines += [f"Invalid: {_cell(block.reason)}", ""]
    else:
        lines += [Table.of(_KPI_HEAD, map(_kpi_cells, block.kpis)).markdown(), ""]
    lines += [f"- {_cell(note)}" for note in block.notes]
    if block.notes:
        lines.append("")
    return "\n".join(lines)


def _primary_markdown(blocks: Sequence[KpiBlock]) -> str:
    rows = []
    for block in blocks:
        cells = [_kpi_cells(kpi) for kpi in block.kpis] or [("invalid", "", block.reason or "")]
        rows += [(block.record_id, *three) for three in cells]
    return Table.of((Column("record", "left"), *_KPI_HEAD), rows).markdown() + "\n"


def _kpi_cells(kpi: Kpi) -> tuple[str, str, str]:
    mark = "**" if kpi.primary else ""
    interval = ""
    if kpi.low is not None and kpi.high is not None:
        interval = f"{figure(kpi.low)} to {figure(kpi.high)}"
    return f"{mark}{kpi.label}{mark}", f"{mark}{figure(kpi.value)}{mark}", interval


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


_OF_CI = ("junit", "openmetrics", "github-bigger-is-better", "github-smaller-is-better")

_WRITERS: dict[tuple[str, bool], Callable[[Sequence[KpiBlock]], str]] = {
    ("text", False): blocks_text,
    ("text", True): _primary_text,
    ("json", False): _json,
    ("json", True): _json,
    ("csv", False): _csv,
    ("csv", True): _csv,
    ("markdown", False): _markdown,
    ("markdown", True): _primary_markdown,
}
