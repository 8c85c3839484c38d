"""``r50bench run`` without a case: the main job, with the fake engine or with canned results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from r50bench.cli import main_job
from r50bench.measure import remembering
from r50bench.measure.session import CaseResult
from support.command_line import Call
from support.records import outcome_of, record_of, samples_of_latencies

FAKE = ("--engine", "fake", "--weights", "random", "--cores-per-instance", "1", "--instances", "1")

Script = Callable[[list[object], bool], None]


def test_the_answer_is_one_table_to_the_digit_and_what_to_type_next(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    answer = r50bench_fake("run", *FAKE, "--steps", "50", "--quiet", COLUMNS="100")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0].startswith("ResNet-50 v1.5, weights random (seed 2020), 8.18 GFLOP/image")
    assert lines.index("") <= 3
    rows = [line.split() for line in lines if "_fp32 " in line and "±" in line]
    assert [row[1:7] for row in rows] == [["4000", "±", "0", "2.000", "2.000", "2.000"]]
    (folder,) = (tmp_path / "r50bench-runs").iterdir()
    page, look, profile = (line for line in lines if line.startswith("# "))
    assert page == f"# page: r50bench-runs/{folder.name}/report.html"
    assert look == f"# look again: r50bench kpi r50bench-runs/{folder.name}"
    assert profile.startswith("# where the time goes: r50bench profile inference_throughput_")
    told = json.loads(r50bench_fake("kpi", str(folder), "--format", "json").out)
    assert len(told) == len(list(folder.glob("*/record.json")))


def test_an_interrupted_job_leaves_no_process_and_shows_what_is_finished(
    fake_environment: dict[str, str], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "r50bench", "run", *FAKE, "--steps", "20", "--repeat", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=fake_environment | {"FAKE_REALTIME": "1", "FAKE_LATENCIES_NS": "20000000"},
        start_new_session=True,
    )
    assert process.stderr is not None
    heard = ""
    while " latency" not in heard:
        heard += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert err.endswith("r50bench: interrupted\n")
    (row,) = (line.split() for line in out.splitlines() if "±" in line)
    assert row[1] == "400.0"
    assert "! interrupted: " in out
    assert len(list(tmp_path.glob("r50bench-runs/*/*/record.json"))) == 1
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.fixture
def script(host: object, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Has the main job come to given results, in the order of its plan, and then be interrupted."""

    def install(batch_ms: list[object], interrupted: bool) -> None:
        def run(job: main_job.MainJob, *_: object) -> Iterator[CaseResult]:
            for planned, ms in zip(job.cases, batch_ms, strict=False):
                record = record_of(case=planned.case)
                samples = samples_of_latencies([[ms] * 20], images=planned.case.batch_size)
                yield CaseResult(planned, outcome_of(record, samples), None)
            if interrupted:
                raise KeyboardInterrupt

        monkeypatch.setattr(main_job, "run_main_job", run)
        monkeypatch.setattr(remembering, "remember", lambda *_: None)

    return install


def test_the_sentence_is_about_both_engines(r50bench_here: Call, script: Script) -> None:
    script([20, 10], False)
    answer = r50bench_here("run", "--quiet")
    assert answer.code == 0, answer.err
    assert "r50's kernels reach 2.00 × PyTorch in fp32 at batch 8 on 2 cores." in answer.out


def test_an_interruption_says_what_was_not_run(r50bench_here: Call, script: Script) -> None:
    script([20, 10], True)
    answer = r50bench_here("run", "--quiet")
    assert answer.code == 130
    assert answer.out.count("not run") >= 4
    assert "! interrupted: 10 of 12 measurements were not made\n" in answer.out
    assert "# look again: r50bench kpi " in answer.out


def test_an_interruption_before_any_result_prints_nothing(
    r50bench_here: Call, script: Script
) -> None:
    script([], True)
    answer = r50bench_here("run", "--quiet")
    assert (answer.code, answer.out) == (130, "")


def test_json_and_full_give_every_record(r50bench_here: Call, script: Script) -> None:
    script([20, 10, 3], False)
    assert len(json.loads(r50bench_here("run", "--json", "--quiet").out)) == 3
    assert r50bench_here("run", "--full", "--quiet").out.count("*Average") == 3
