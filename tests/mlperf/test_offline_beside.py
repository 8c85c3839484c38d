"""Which Offline run a Server run is set against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from r50bench.load import LoadgenSettings
from r50bench.mlperf.offline_beside import offline_beside
from r50bench.results.history import History
from r50bench.results.record import LoadgenResult, Record, write_record
from support.records import record_of


def run(
    name: str,
    scenario: str,
    *,
    verdict: Literal["VALID", "INVALID"] = "VALID",
    precision: str = "avx_int8",
    host: str = "here",
) -> Record:
    settings = LoadgenSettings(scenario, "PerformanceOnly")
    result = LoadgenResult(settings, "6.0.17", verdict, 100.0, "Throughput", "samples/s")
    record = record_of("throughput", precision, id=name, loadgen=result)
    known = {**record.host, "fingerprint": host}
    return replace(record, host=known, created=f"2026-01-31T12:00:0{name[-1]}Z")


@pytest.fixture
def history(tmp_path: Path):
    runs = [
        run("offline-1", "Offline"),
        run("offline-2", "Offline"),
        run("offline-3", "Offline", verdict="INVALID"),
        run("offline-4", "Offline", precision="avx_fp32"),
        run("offline-5", "Offline", host="elsewhere"),
        run("stream-6", "SingleStream"),
    ]
    with History(tmp_path / "history.sqlite") as history:
        for one in runs:
            (tmp_path / one.id).mkdir()
            write_record(one, tmp_path / one.id)
            history.add(one, tmp_path / one.id)
        yield history


def test_it_is_the_newest_valid_one_of_the_same_precision_and_host(history):
    found = offline_beside(run("server-7", "Server"), history)
    assert found is not None
    assert found.id == "offline-2"


def test_there_may_be_none(history):
    assert offline_beside(run("server-7", "Server", precision="avx_bfloat16"), history) is None


def test_other_scenarios_are_set_against_nothing(history):
    assert offline_beside(run("stream-7", "SingleStream"), history) is None
