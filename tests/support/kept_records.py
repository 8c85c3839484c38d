"""Records in their folders with samples, as runs leave them, and in a history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from r50bench.results.history import History
from r50bench.results.kpi import kpis
from r50bench.results.record import Record, write_record
from r50bench.results.samples import SAMPLES_FILE, write_samples
from support.records import record_of, samples_of_latencies

__all__ = ["keep_record", "write_run"]


def write_run(folder: Path, identity: str, **changes: Any) -> tuple[Record, Path]:
    """Writes a record of 1600 images/s into ``folder``/``identity``, its samples and a log."""
    place = folder / identity
    (place / "logs").mkdir(parents=True)
    (place / "logs" / "worker-0.log").write_text("nothing to say\n")
    sha256 = write_samples(samples_of_latencies([[10] * 20] * 2), place / SAMPLES_FILE)
    record = replace(record_of(id=identity, **changes), samples_sha256=sha256)
    write_record(record, place)
    return record, place


def keep_record(history: History, folder: Path, identity: str, **changes: Any) -> Path:
    """Writes such a record, adds it to the history, and returns its folder."""
    record, place = write_run(folder, identity, **changes)
    figures = kpis(record, samples_of_latencies([[10] * 20] * 2))
    history.add(record, place, figures if record.status == "valid" else ())
    return place
