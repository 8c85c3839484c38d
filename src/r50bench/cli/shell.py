"""What the verbs that measure share: where figures are kept beside their records."""

from __future__ import annotations

from pathlib import Path

from r50bench.errors import RunFailed
from r50bench.measure.session import Outcome
from r50bench.progress import Progress
from r50bench.report.kpi_block import block_text, kpi_block
from r50bench.results.atomic import write_atomically
from r50bench.results.history import History, history_path
from r50bench.results.record import Record
from r50bench.results.samples import Samples

__all__ = ["remember", "write_kpi_file"]


def write_kpi_file(record: Record, samples: Samples | None, folder: Path) -> None:
    """Leaves a record's KPI block beside it, as ``kpi.txt``."""
    text = block_text(kpi_block(record, samples)) + "\n"
    write_atomically(folder / "kpi.txt", text.encode())


def remember(outcome: Outcome, progress: Progress) -> None:
    """Adds a run to the history; a history that cannot be written costs no result."""
    figures = kpi_block(outcome.record, outcome.samples).kpis
    try:
        with History(history_path()) as history:
            history.add(outcome.record, outcome.folder, figures)
    except RunFailed as error:
        progress.warn(f"{outcome.folder} is not in the history: {error.message}")
