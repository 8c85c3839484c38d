"""``r50bench run`` with the fake engine: what is printed, what is left, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.command_line import Call

ALONE = ("--engine", "fake", "--weights", "random", "--cores-per-instance", "1", "--instances", "1")
FAKE = (*ALONE, "--steps", "50")


def test_one_case_prints_its_kpi_block_and_keeps_it(r50bench_fake: Call, tmp_path: Path) -> None:
    answer = r50bench_fake("run", "inference_latency_fp32", *FAKE)
    assert answer.code == 0, answer.err
    assert "*Average Latency (ms): 2\n" in answer.out
    (folder,) = (tmp_path / "r50bench-runs").iterdir()
    block = (folder / "kpi.txt").read_text()
    assert answer.out.startswith(block)
    assert answer.out.splitlines()[-1].endswith(f"r50bench kpi r50bench-runs/{folder.name}")
    assert r50bench_fake("kpi").out == block
    assert (tmp_path / "data" / "history.sqlite").exists()


def test_several_cases_end_in_one_table_that_names_what_ran(r50bench_fake: Call) -> None:
    args = ("run", "inference_throughput_fp32", "inference_latency_fp32", *FAKE)
    answer = r50bench_fake(*args, "--quiet", COLUMNS="140")
    assert answer.code == 0, answer.err
    heading, empty, *_ = answer.out.splitlines()
    assert heading.startswith(
        "ResNet-50 v1.5, weights random (seed 2020), 8.18 GFLOP/image · dummy pictures"
    )
    assert heading.endswith(" · fake (fake 1) on cpu · 1 instance × 1 core")
    assert empty == ""
    assert "precision" in answer.out
    assert "*Average" not in answer.out
    assert "warm-up" not in answer.err


def test_full_prints_the_blocks_of_several_cases(r50bench_fake: Call) -> None:
    answer = r50bench_fake(
        "run", "-V", "inference_throughput_fp32", "inference_latency_fp32", *FAKE
    )
    assert answer.out.count("*Average") == 2


def test_json_gives_records_with_their_kpis_and_nothing_else(r50bench_fake: Call) -> None:
    answer = r50bench_fake("run", "--json", "inference_latency_fp32", *FAKE, "--platform", "SPR")
    (record,) = json.loads(answer.out)
    assert record["name"].startswith("inference_latency_")
    assert record["status"] == "valid"
    assert record["request"]["steps"] == {"value": 50, "source": "option"}
    assert {kpi["name"]: kpi["value"] for kpi in record["kpis"]}["Average Latency"] == 2.0
    assert "PLATFORM=SPR has no effect" in answer.err


def test_a_failed_case_exits_5_without_kpi_and_keeps_its_reason(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    answer = r50bench_fake("run", "inference_latency_fp32", *FAKE, FAKE_FAULT="kill@30#0")
    assert answer.code == 5
    assert "Average" not in answer.out
    assert "SIGKILL" in answer.err
    (folder,) = (tmp_path / "r50bench-runs").iterdir()
    record = json.loads((folder / "record.json").read_text())
    assert record["status"] == "invalid"
    assert "SIGKILL" in record["reason"]
    assert "Average" not in (folder / "kpi.txt").read_text()
    assert r50bench_fake("kpi").code == 5


def test_one_failure_of_several_does_not_end_the_others(r50bench_fake: Call) -> None:
    # A gated run ends before its 60th batch.
    cases = ("inference_latency_fp32", "inference_throughput_fp32_gated")
    answer = r50bench_fake("run", *cases, *ALONE, FAKE_FAULT="kill@60")
    assert answer.code == 5
    assert "1 of 2 cases failed: inference_latency_" in answer.err
    assert "failed" in answer.out
    assert "500" in answer.out


def test_what_is_finished_is_shown_where_the_rest_cannot_run(r50bench_fake: Call) -> None:
    answer = r50bench_fake("run", "inference_latency_fp32", "inference_accuracy_fp32", *FAKE)
    assert answer.code in (2, 5)
    assert "random" in answer.err.splitlines()[-2]
    assert answer.out.startswith("ResNet-50 v1.5")


def test_a_case_that_cannot_start_prints_nothing_on_stdout(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    answer = r50bench_fake(
        "run", "inference_latency_fp32", *FAKE, "--data-type", "real", "--dataset", "empty"
    )
    assert answer.code in (2, 5)
    assert answer.out == ""
    assert "empty" in answer.err
    assert not list(tmp_path.glob("r50bench-runs/*"))


def test_a_history_that_cannot_be_written_costs_no_result(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    answer = r50bench_fake(
        "run", "inference_latency_fp32", *FAKE, R50BENCH_DATA=str(tmp_path / "file")
    )
    assert answer.code == 0
    assert "is not in the history" in answer.err


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process_and_no_record(
    fake_environment: dict[str, str], tmp_path: Path, sign: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "r50bench", "run", "inference_latency_fp32", *FAKE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=fake_environment | {"FAKE_FAULT": "hang@30"},
        start_new_session=True,
    )
    assert process.stderr is not None
    heard = ""
    while "measuring" not in heard:
        heard += process.stderr.readline()
    asked = time.monotonic()
    process.send_signal(sign)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - asked < 2
    assert (process.returncode, out) == (130, "")
    assert err.endswith("r50bench: interrupted\n")
    assert not list(tmp_path.glob("r50bench-runs/*"))
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
