"""How results are printed, by whichever verb: as data, and as wide as the terminal is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import msgspec

from r50bench.case import Case
from r50bench.measure.session import CaseResult
from r50bench.results.kpi import Kpi

__all__ = ["figures_by_case", "result_as_data", "terminal_width"]


def result_as_data(result: CaseResult) -> dict[str, Any]:
    """Returns the record with its folder and KPIs, or why there is no record."""
    if result.outcome is None:
        return {"name": result.planned.name, "status": "failed", "reason": str(result.error)}
    data: dict[str, Any] = msgspec.to_builtins(result.outcome.record)
    figures = msgspec.to_builtins(result.outcome.block.kpis)
    return data | {
        "name": result.outcome.record.name,
        "folder": str(result.outcome.folder),
        "kpis": figures,
    }


def figures_by_case(results: Sequence[CaseResult]) -> list[tuple[str, list[Kpi]]]:
    """Returns, for each case, its label and the primary figures of its valid runs."""
    found: dict[Case, tuple[str, list[Kpi]]] = {}
    for result in results:
        label = f"{result.planned.name} {result.planned.case.engine}"
        _, figures = found.setdefault(result.planned.case, (label, []))
        if result.outcome is not None:
            figures += [kpi for kpi in result.outcome.block.kpis if kpi.primary]
    return list(found.values())


def terminal_width() -> int:
    """Returns how many columns the terminal has, 100 where stdout is none."""
    return shutil.get_terminal_size((100, 24)).columns
