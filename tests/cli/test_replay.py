"""``r50bench replay`` with the fake engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import r50bench
import records
from command_line import Answer
from r50bench.results.record import write_record

CASE = ("inference_latency_fp32", "--engine", "fake", "--weights", "random", "--steps", "50",
        "--cores-per-instance", "1", "--instances", "1", "--seed", "7")  # fmt: skip
Run = Callable[..., Answer]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs ``r50bench`` in a process of its own, in an empty folder."""
    environment = os.environ | {
        "PYTHONPATH": str(Path(r50bench.__file__).parents[1]),
        "R50BENCH_CACHE": str(tmp_path / "cache"),
        "R50BENCH_DATA": str(tmp_path / "data"),
        "FAKE_LATENCIES_NS": "2000000",
    }

    def call(*args: str, **variables: str) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "r50bench", *args],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
            env=environment | variables,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def record(run: Run, tmp_path: Path) -> Path:
    answer = run("run", *CASE)
    assert answer.code == 0, answer.err
    (folder,) = (tmp_path / "r50bench-runs").iterdir()
    return folder


def test_the_same_run_again_differs_in_nothing(run: Run, record: Path, tmp_path: Path) -> None:
    # The environment would make another case of it; a replay asks the record alone.
    answer = run("replay", str(record), BATCH_SIZE="3", R50BENCH_SEED="8")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0] == f"{record.name}, once more:"
    assert "are the same" in lines[1]
    (latency,) = (line for line in lines if line.startswith("Average Latency"))
    assert latency.split()[3:] == ["2.000", "±", "0", "2.000", "±", "0", "+0.0", "%"]
    assert len(list((tmp_path / "r50bench-runs").iterdir())) == 2


def test_figures_beyond_their_intervals_are_marked(run: Run, record: Path) -> None:
    answer = run("replay", record.name, FAKE_LATENCIES_NS="3000000")
    assert answer.code == 0, answer.err
    (latency,) = (line for line in answer.out.splitlines() if line.startswith("Average Latency"))
    assert "+50.0 %" in latency
    assert latency.endswith("! differs")


def test_a_replay_that_fails_exits_5_without_figures(run: Run, record: Path) -> None:
    answer = run("replay", str(record / "record.json"), FAKE_FAULT="kill@30")
    assert (answer.code, answer.out) == (5, "")
    assert "SIGKILL" in answer.err


def test_a_host_that_cannot_repeat_it_exits_6(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    case = replace(records.case_of("latency", "arm_int8"), batch_size=1)
    write_record(records.record_of(case=case, samples_sha256=None), tmp_path / "other")
    answer = run("replay", "other")
    assert answer.code == 6
    assert "this host cannot repeat" in answer.err


def test_what_is_no_valid_record_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    write_record(records.record_of(reason="it died"), tmp_path / "bad")
    answer = run("replay", "bad")
    assert answer.code == 2
    assert "it died" in answer.err
    assert "neither a folder nor the id" in run("replay", "20260101-000000_x").err
    (tmp_path / "empty").mkdir()
    assert "no such record" in run("replay", "empty").err
