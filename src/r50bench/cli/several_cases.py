"""What ``r50bench run`` prints where several cases are named."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from r50bench.measure.session import CaseResult
from r50bench.report.overview import overview_rows, overview_text
from r50bench.report.slower_precisions import slower_precisions
from r50bench.report.what_ran import what_ran

__all__ = ["overview_of"]


def overview_of(results: Sequence[CaseResult]) -> str:
    """Returns what ran, a table of the figures of all cases, failed ones too, and notices."""
    outcomes = [result.outcome for result in results if result.outcome is not None]
    failures = [
        (result.planned.case, str(result.error)) for result in results if result.outcome is None
    ]
    runs = [(one.record, one.samples) for one in outcomes]
    rows = overview_rows(runs, failures)
    width = shutil.get_terminal_size((100, 24)).columns
    heading = what_ran([one.record for one in outcomes], width)
    text = (f"{heading}\n\n" if heading else "") + overview_text(rows, width)
    return text + "".join(f"! {notice}\n" for notice in slower_precisions(runs))
