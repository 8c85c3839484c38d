"""``r50bench workload``: the seed's own variables in, the logs out by the pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from support.command_line import Answer, Call
from support.docker_line import DOCKER_LINE

LINE = DOCKER_LINE | {"CORES_PER_INSTANCE": ""}  # as many as there are
FAKE = {"ENGINE": "fake", "WEIGHTS": "random", "FAKE_LATENCIES_NS": "2000000"}
Started = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def started(fake_environment: dict[str, str], tmp_path: Path) -> Iterator[Started]:
    """Starts the verb in an empty folder, with the pipe beside it; ended with the test."""
    processes: list[subprocess.Popen[str]] = []
    os.mkfifo(tmp_path / "pipe")

    def start(*words: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "r50bench", "workload", "--export-logs", "pipe", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=fake_environment | LINE | FAKE | variables,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@contextmanager
def logs_of(pipe: Path) -> Iterator[tarfile.TarFile]:
    """Waits for the logs, as ``cat`` does."""
    with tarfile.open(fileobj=BytesIO(pipe.read_bytes())) as archive:
        yield archive


def text_of(archive: tarfile.TarFile, name: str) -> str:
    member = archive.extractfile(name)
    assert member is not None
    return member.read().decode()


def ended(process: subprocess.Popen[str], sign: signal.Signals = signal.SIGTERM) -> Answer:
    process.send_signal(sign)
    out, err = process.communicate(timeout=60)
    return Answer(process.returncode, out, err)


def test_the_seed_s_variables_run_and_the_logs_are_fetched_twice(
    started: Started, tmp_path: Path, r50bench_here: Call
) -> None:
    process = started(CORES_PER_INSTANCE="1")
    for name in ("first", "second"):
        with logs_of(tmp_path / "pipe") as archive:
            archive.extractall(tmp_path / name)
    fetched = tmp_path / "first"
    assert (fetched / "status").read_text() == "0\n"
    (log,) = fetched.glob("benchmark_throughput_resnet50_avx_fp32_inference_dummy_*.log")
    assert "BATCH_SIZE: 64\n" in log.read_text()
    assert log.read_text().count("Throughput: 32000.000 fps\n") >= 1
    assert "*Average Throughput (img/s): " in (fetched / "kpi.txt").read_text()
    assert "*Average Throughput" in (fetched / "output.log").read_text()
    kpis = r50bench_here("kpi", "--primary", str(fetched))
    assert (kpis.code, kpis.out.count("*Average Throughput")) == (0, 1)
    assert (tmp_path / "second" / "kpi.txt").read_bytes() == (fetched / "kpi.txt").read_bytes()

    answer = ended(process)
    assert answer.code == 0
    assert "*Average Throughput (img/s): " in answer.out
    assert "docker exec" in answer.out
    assert (tmp_path / "r50bench-logs" / "status").read_text() == "0\n"


def test_what_the_program_refuses_comes_out_with_the_reason(
    started: Started, tmp_path: Path
) -> None:
    process = started(CORES_PER_INSTANCE="4000")
    with logs_of(tmp_path / "pipe") as archive:
        assert text_of(archive, "status") == "2\n"
        assert "1 instance of 4000 cores does not fit" in text_of(archive, "output.log")
        assert archive.getnames() == ["output.log", "status"]
    assert ended(process).code == 2


def test_a_run_that_fails_leaves_its_invalid_record(started: Started, tmp_path: Path) -> None:
    process = started(CORES_PER_INSTANCE="1", FAKE_FAULT="exit@25")
    with logs_of(tmp_path / "pipe") as archive:
        assert text_of(archive, "status") == "5\n"
        assert any(name.endswith("/record.json") for name in archive.getnames())
        assert "has no figures" in text_of(archive, "kpi.txt")
    assert ended(process, signal.SIGINT).code == 5


def test_further_words_are_those_of_run(started: Started, tmp_path: Path) -> None:
    process = started("inference_latency_avx_fp32", "--steps", "7", CORES_PER_INSTANCE="1")
    with logs_of(tmp_path / "pipe") as archive:
        said = text_of(archive, "kpi.txt")
    assert "## MODE: latency\n" in said
    assert "## STEPS: 7\n" in said
    assert ended(process).code == 0


def test_what_would_keep_the_records_from_the_logs_is_refused(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    for words in (["--out", "elsewhere"], ["--out=elsewhere"]):
        answer = r50bench_fake("workload", "--export-logs", str(tmp_path / "pipe"), *words)
        assert answer.code == 2
        assert "--logs says where the logs go" in answer.err
    assert not (tmp_path / "pipe").exists()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_and_nothing_waits_for_a_reader(
    started: Started, sign: signal.Signals
) -> None:
    process = started(CORES_PER_INSTANCE="1", FAKE_FAULT="hang@2")
    assert process.stderr is not None
    while "loading" not in process.stderr.readline():
        pass
    answer = ended(process, sign)
    assert answer.code == 130
    assert "r50bench: interrupted" in answer.err
    assert "docker exec" not in answer.out


def test_without_a_pipe_it_says_how_to_name_one(r50bench_fake: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = r50bench_fake("workload", "--export-logs", "file")
    assert (answer.code, answer.out) == (2, "")
    assert "file is no pipe" in answer.err
    assert not (tmp_path / "r50bench-logs").exists()
