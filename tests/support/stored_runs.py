"""Runs of a history without their records: a series in as many rows as it has figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from r50bench.history.series import HistoryRun, run_of
from r50bench.results.history import History
from r50bench.results.kpi import Kpi
from support.records import record_of

__all__ = ["HOST", "keep_series"]

HOST = {"model_name": "AMD EPYC", "fingerprint": "a" * 16}


def keep_series(
    folder: Path, figures: Sequence[float], *, unit: str = "img/s", **changes: Any
) -> list[HistoryRun]:
    """Adds a run a day to ``folder/history.sqlite``, and returns them, oldest first.

    Their records would lie in ``folder/runs``, but are not written. ``changes`` are those of
    :func:`support.records.record_of`.
    """
    start = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    with History(folder / "history.sqlite") as history:
        for day, value in enumerate(figures):
            made = record_of(**{"host": HOST} | changes)
            identity = f"{day:04}_{made.name}"
            made = replace(made, id=identity, created=(start + timedelta(day)).isoformat())
            figure = Kpi("figure", unit, value, value * 0.99, value * 1.01, primary=True)
            history.add(made, folder / "runs" / identity, [figure])
        return [run_of(entry) for entry in reversed(history.entries(with_facts=True))]
