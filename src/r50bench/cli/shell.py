"""What the verbs that measure share: results as data, and the error that failures end in."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import msgspec

from r50bench.errors import R50BenchError
from r50bench.measure.session import CaseResult

__all__ = ["raise_failures", "result_as_data", "terminal_width"]


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


def terminal_width() -> int:
    """Returns how many columns the terminal has, 100 where stdout is none."""
    return shutil.get_terminal_size((100, 24)).columns


def raise_failures(results: Sequence[CaseResult]) -> None:
    """Ends in the first error, which tells of all of them; does nothing where there is none.

    Raises:
        R50BenchError: a case failed; of the first one's kind.
    """
    errors = [(result.planned.case.name, result.error) for result in results if result.error]
    if not errors:
        return
    first: R50BenchError = errors[0][1]
    if len(results) == 1:
        raise first
    reasons = "; ".join(f"{name}: {error.message}" for name, error in errors)
    raise type(first)(f"{len(errors)} of {len(results)} cases failed: {reasons}", hint=first.hint)
