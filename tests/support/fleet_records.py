"""Parcels of records, as nodes send them."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from r50bench.fleet.homecoming import Home, RunAtHome
from r50bench.fleet.kept import Answered
from r50bench.fleet.parcel import packed
from r50bench.fleet.plan import Errand, Seat
from r50bench.results.kpi import Kpi
from r50bench.results.record import write_record
from r50bench.results.samples import SAMPLES_FILE, write_samples
from support.records import record_of, samples_of_latencies
from support.scripted_fleet import node
from support.surveys import survey

MOST = 100_000_000

_numbers = itertools.count()


def parcel_of(
    *identities: str, fingerprint: str | None = None, ms: float = 10.0, **changes: Any
) -> bytes:
    """Runs of two instances and 20 batches of 8 in so many ms each: 1600 images/s in 10 ms."""
    with tempfile.TemporaryDirectory() as folder:
        for identity in identities:
            place = Path(folder) / identity
            place.mkdir()
            samples = samples_of_latencies([[ms] * 20] * 2)
            sha256 = write_samples(samples, place / SAMPLES_FILE)
            made = record_of(id=identity, **changes)
            host = made.host if fingerprint is None else made.host | {"fingerprint": fingerprint}
            write_record(replace(made, samples_sha256=sha256, host=host), place)
        return packed(Path(folder), MOST)


def seat(title: str, host: str = "", **facts: Any) -> Seat:
    """A node that takes part, on a host of its own."""
    return Seat(node(title), title, host or title, survey(host or title, **facts))


def answered(
    question: str, title: str, *values: float, half_width: float | None = None, **changes: Any
) -> Answered:
    """An answer with a valid run of each value, in images/s; ``reason`` makes it a failure."""
    reason = changes.pop("reason", "")
    several = changes.pop("several", False)
    runs = []
    for value in values:
        low, high = (None, None) if half_width is None else (value - half_width, value + half_width)
        kpi = Kpi("Average Throughput", "img/s", value, low, high, primary=True)
        record = record_of(id=f"{title}-{next(_numbers)}", **changes)
        runs.append(RunAtHome(record, (kpi,), Path(record.id)))
    errand = Errand(question, ("run", question), several=several)
    return Answered(errand, title, home=Home(tuple(runs)), reason=reason)
