"""Several cases, one after the other, with one set of provisions; one failure does not end it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench.assets.store import Store
from r50bench.errors import R50BenchError
from r50bench.host.topology import Host
from r50bench.measure.asset_resolver import Provisions
from r50bench.measure.run_folder import RunFolder
from r50bench.measure.session import Outcome, PlannedCase, run_session
from r50bench.progress import Progress
from r50bench.results.record import Record
from r50bench.results.samples import Samples

__all__ = ["CaseResult", "run_cases"]


@dataclass(frozen=True)
class CaseResult:
    """One case: its outcome (None where it could not start), its error (None if it is valid)."""

    planned: PlannedCase
    outcome: Outcome | None
    error: R50BenchError | None


def run_cases(
    planned: Sequence[PlannedCase],
    host: Host,
    store: Store,
    out: Path,
    progress: Progress,
    finish: Callable[[Record, Samples | None, Path], None],
) -> Iterator[CaseResult]:
    """Runs the cases in order, yielding each result as it is there.

    Raises:
        UsageError: ``out`` cannot be written; said before anything is fetched or compiled.
    """
    with RunFolder(out, f"check-{os.getpid()}"):
        pass
    provisions = Provisions(store, progress)
    for case in planned:
        try:
            outcome = run_session(case, host, provisions, out, progress, finish)
        except R50BenchError as error:
            yield CaseResult(case, None, error)
        else:
            yield CaseResult(case, outcome, outcome.error)
