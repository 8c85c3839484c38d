"""The nodes of a fleet for people and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec

from r50bench.fleet.roll_call import Present
from r50bench.notices import Notice
from r50bench.report.table import Cell, Column, Missing, Table
from r50bench.wording import first_few

__all__ = ["findings_of", "nodes_as_data", "nodes_text"]

_COLUMNS = (
    Column("node", "left"),
    Column("platform", "left"),
    Column("CPU", "left", wraps=True),
    Column("cores", "right"),
    Column("GiB", "right"),
    Column("precisions", "left", wraps=True),
    Column("r50bench", "left"),
    Column("what hurts", "left", wraps=True),
)


def nodes_text(present: Sequence[Present], width: int | None = None) -> str:
    """Returns the table, then each finding once with the nodes that have it, then who is missing.

    It ends in a newline.
    """
    lines = [Table.of(_COLUMNS, map(_row, present)).text(width)]
    lines += [f"! {notice}" for notice in findings_of(present)]
    lines += [f"! {titles}: {text}" for titles, text in _alike(present)]
    lines += [f"! {one.title}: {one.reason}" for one in present if one.survey is None]
    return "\n".join(lines) + "\n"


def nodes_as_data(present: Sequence[Present]) -> list[dict[str, Any]]:
    """Returns the same as JSON can hold it; ``survey`` is null where a node has not answered."""
    return [
        {
            "title": one.title,
            **asdict(one.node),
            "survey": msgspec.to_builtins(one.survey),
            "reason": one.reason,
        }
        for one in present
    ]


def _row(one: Present) -> tuple[Cell, ...]:
    survey = one.survey
    if survey is None:
        return (one.title, *[""] * (len(_COLUMNS) - 2), Missing("no answer"))
    host = survey.host
    return (
        one.title,
        host.platform,
        host.model_name,
        str(host.cores),
        f"{host.memory_bytes / 2**30:.0f}",
        " ".join(survey.precisions) or Missing("none"),
        survey.version,
        ", ".join(finding.code for finding in survey.findings) or "nothing known",
    )


def findings_of(present: Sequence[Present]) -> Iterator[Notice]:
    """Yields what the doctor finds: once what several nodes say in the same words, led by them."""
    of_findings: dict[Notice, list[str]] = {}
    for one in present:
        for finding in one.survey.findings if one.survey else ():
            of_findings.setdefault(finding, []).append(one.title)
    for finding, titles in of_findings.items():
        yield replace(finding, text=f"{_on(titles, present)}: {finding.text}")


def _on(titles: Sequence[str], present: Sequence[Present]) -> str:
    every = len(titles) == sum(one.survey is not None for one in present) > 1
    return "all" if every else first_few(titles, 8)


def _alike(present: Sequence[Present]) -> Iterator[tuple[str, str]]:
    """Yields the nodes that share a host, and what follows for them."""
    of_boots: dict[str, list[str]] = {}
    for one in present:
        if one.survey is not None and one.survey.boot:
            of_boots.setdefault(one.survey.boot, []).append(one.title)
    for titles in of_boots.values():
        if len(titles) > 1:
            yield first_few(titles, 8), "they are one host, and measure one after the other"
