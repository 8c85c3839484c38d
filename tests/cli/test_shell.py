"""What every verb that measures says before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import Call

ALONE = ("--engine", "fake", "--weights", "random", "--cores-per-instance", "1", "--instances", "1")
FAKE = (*ALONE, "--steps", "5", "--warmup-steps", "1")
VARIABLE = "MKL_CBWR"


@pytest.mark.parametrize(
    "words",
    [
        ("run", "inference_latency_fp32", *FAKE),
        ("sweep", "inference_latency_fp32", "--set", "BATCH_SIZE=1 2", *FAKE),
        ("tune", "inference_latency_fp32", "--budget", "2s", *ALONE),
        ("profile", "inference_latency_fp32", *ALONE, "--set", "CUSTOMER_ENV=FAKE_PEAK=3000,1000"),
    ],
    ids=lambda words: words[0],
)
def test_it_says_where_it_runs_and_what_the_doctor_finds(
    r50bench_fake: Call, words: tuple[str, ...]
) -> None:
    answer = r50bench_fake(*words, MKL_CBWR="AVX2")
    assert answer.code == 0, answer.err
    assert "NUMA node" in answer.err.splitlines()[0]
    said = f"! set here but not passed to the workers: {VARIABLE}. Mend: unset"
    assert answer.err.count(said) == 1


def test_what_the_doctor_found_is_in_the_record(r50bench_fake: Call, tmp_path: Path) -> None:
    r50bench_fake("run", "inference_latency_fp32", *FAKE, MKL_CBWR="AVX2")
    (folder,) = (tmp_path / "r50bench-runs").iterdir()
    assert VARIABLE in (folder / "record.json").read_text()
    assert VARIABLE in (folder / "kpi.txt").read_text()
