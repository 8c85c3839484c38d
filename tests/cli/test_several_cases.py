"""``r50bench run`` of several cases, with the fake engine: one table of all, failed ones too."""

from __future__ import annotations

from pathlib import Path

from support.checkpoints import flat_npz
from support.command_line import Call

ALONE = ("--engine", "fake", "--weights", "random", "--cores-per-instance", "1", "--instances", "1")
FAKE = (*ALONE, "--steps", "50")


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


def test_one_failure_of_several_does_not_end_the_others(r50bench_fake: Call) -> None:
    # A gated run ends before its 60th batch.
    cases = ("inference_latency_fp32", "inference_throughput_fp32_gated")
    answer = r50bench_fake("run", *cases, *ALONE, FAKE_FAULT="kill@60")
    assert answer.code == 5
    assert "1 of 2 cases failed: inference_latency_" in answer.err
    assert "failed" in answer.out
    assert "500" in answer.out


def test_what_is_finished_is_shown_where_the_rest_cannot_run(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged" / "n01440764"
    folder.mkdir(parents=True)
    (folder / "0.JPEG").write_bytes(b"no picture")
    weights = flat_npz(tmp_path / "weights.npz")
    cases = ("inference_latency_fp32", "inference_accuracy_fp32")
    given = ("--weights", str(weights), "--dataset", "damaged")
    answer = r50bench_fake("run", *cases, *FAKE, *given)
    assert answer.code == 5
    assert "0.JPEG" in answer.err.splitlines()[-2]
    assert answer.out.startswith("ResNet-50 v1.5")
