"""Runs with figures, without a run: the sides of comparisons."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

from r50bench.comparison.side import MeasuredRun, Side, side_of
from r50bench.results.kpi import (
    FULL_SPEED,
    UNDISTURBED,
    UNDISTURBED_BATCHES,
    WAITING_BATCHES,
    Kpi,
)
from r50bench.results.record import Record, write_record
from r50bench.results.samples import SAMPLES_FILE, write_samples
from support import records

_UNITS = {"throughput": "img/s", "latency": "ms", "accuracy": "%"}
_NAMES = {"throughput": "Average Throughput", "latency": "Average Latency", "accuracy": "Accuracy"}
_numbers = itertools.count()


def run_of(
    value: float,
    mode: str = "throughput",
    precision: str = "avx_int8",
    *,
    half_width: float | None = None,
    host: str = "a" * 16,
    **changes: Any,
) -> MeasuredRun:
    """A run whose primary figure is ``value``; ``changes`` are to its case or its record."""
    of_case = {name: changes.pop(name) for name in list(changes) if name in _CASE}
    record = records.record_of(
        case=records.case_of(mode, precision, **of_case),
        id=f"20260131-120000_{next(_numbers):06d}",
        **changes,
    )
    record = replace(record, host={**record.host, "fingerprint": host})
    low = None if half_width is None else value - half_width
    high = None if half_width is None else value + half_width
    return MeasuredRun(record, (Kpi(_NAMES[mode], _UNITS[mode], value, low, high, primary=True),))


def looked_at(
    run: MeasuredRun, value: float | None, *, full_speed: float = 60.0, passed: int = 40
) -> MeasuredRun:
    """The run, as if a canary had looked at its 100 batches, of which so many were undisturbed.

    ``value`` is the figure that these give, None where they are too few; ``full_speed`` in %.
    """
    figures = [
        *run.figures,
        Kpi(FULL_SPEED, "%", full_speed),
        Kpi(WAITING_BATCHES, "", 0),
        Kpi(UNDISTURBED_BATCHES, "", passed),
        Kpi("Samples", "", 100),
    ]
    if value is not None:
        figures.append(Kpi(UNDISTURBED[run.primary.name], run.primary.unit, value))
    return replace(run, figures=tuple(figures))


def side(title: str, *runs: MeasuredRun) -> Side:
    return side_of(title, runs)


_CASE = {"engine", "batch_size", "instances", "customer_env", "steps", "case_type"}


def leave(folder: Path, latency_ms: float, **changes: Any) -> Record:
    """Leaves the record of a run whose every batch of 8 took so long below ``folder``."""
    id = f"20260131-120000_{next(_numbers):06d}"
    record = records.record_of(id=id, **changes)
    lane = [latency_ms] * 20
    place = folder / id
    place.mkdir(parents=True)
    digest = write_samples(records.samples_of_latencies([lane, lane]), place / SAMPLES_FILE)
    record = replace(record, samples_sha256=digest, host={**record.host, "fingerprint": "a" * 16})
    write_record(record, place)
    return record
