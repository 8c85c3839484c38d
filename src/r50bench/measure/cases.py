"""Several cases, one after the other, with one set of provisions; one failure does not end it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from r50bench.errors import R50BenchError
from r50bench.measure.bench import Bench
from r50bench.measure.run_folder import RunFolder
from r50bench.measure.session import Outcome, PlannedCase, run_session

__all__ = ["CaseResult", "run_cases"]


@dataclass(frozen=True)
class CaseResult:
    """One case: its outcome (None where it could not start), its error (None if it is valid)."""

    planned: PlannedCase
    outcome: Outcome | None
    error: R50BenchError | None


def run_cases(planned: Sequence[PlannedCase], bench: Bench) -> Iterator[CaseResult]:
    """Runs the cases in order, yielding each result as it is there.

    Raises:
        UsageError: ``bench.out`` cannot be written; said before anything is fetched or compiled.
    """
    with RunFolder(bench.out, f"check-{os.getpid()}"):
        pass
    for case in planned:
        try:
            outcome = run_session(case, bench)
        except R50BenchError as error:
            yield CaseResult(case, None, error)
        else:
            yield CaseResult(case, outcome, outcome.error)
