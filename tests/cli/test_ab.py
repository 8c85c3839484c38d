"""``r50bench ab``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.command_line import Call

CASE = ("inference_throughput_fp32", "--engine", "fake", "--weights", "random", "--steps", "6",
        "--cores-per-instance", "1", "--instances", "1", "--warmup-steps", "1",
        "--budget", "1s")  # fmt: skip


def test_another_environment_is_measured_against_this_one(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    other = tmp_path / "python"
    # The other environment's library takes 5 % longer.
    other.write_text(f'#!/bin/sh\nFAKE_LATENCIES_NS=2100000 exec {sys.executable} "$@"\n')
    other.chmod(0o755)
    answer = r50bench_fake("ab", *CASE, "--b-python", str(other), "--json")
    assert answer.code == 3, answer.err
    found = json.loads(answer.out)
    (case,) = found["cases"]
    assert (case["verdict"], case["basis"]) == ("slower", "pairs")
    assert case["ratio"]["value"] == pytest.approx(1 / 1.05)
    assert (found["base"], found["new"]) == ("a (as it is by default)", f"b (PYTHON={other})")
    assert case["differing"][0]["what"] == "case python"
    assert "slower" in answer.err


def test_undisturbed_batches_are_judged_where_that_is_asked(r50bench_fake: Call) -> None:
    answer = r50bench_fake("ab", *CASE, "--undisturbed", FAKE_CANARY_NS="1700")
    assert answer.code == 0, answer.err
    assert "undisturbed batches were judged" in answer.out
    assert "base: 3 of 3 processes had enough undisturbed batches" in answer.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--b", "bogus"), "'bogus' is no engine and no setting"),
        (("--b", "BATCH_SIZE='4"), "No closing quotation"),
        (("--b", "BATCH_SISE=4"), "BATCH_SIZE"),
        (("--b-python", "nowhere/python"), "must be the path of a Python"),
        (("--budget", "soon"), "is no time"),
    ],
)
def test_what_is_no_side_is_refused(r50bench_here: Call, words: tuple[str, ...], why: str) -> None:
    answer = r50bench_here("ab", *CASE, *words)
    assert (answer.code, why in answer.err) == (2, True), answer.err
