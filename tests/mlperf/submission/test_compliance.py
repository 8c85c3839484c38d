"""The verdicts of the compliance tests."""

from __future__ import annotations

import pytest

from r50bench.mlperf.submission.compliance import (
    verify_answers,
    verify_not_faster,
    verify_same_speed,
)
from r50bench.mlperf.submission.runs import Score

OFFLINE = Score("Offline", 200.0, "samples/s")
SINGLE = Score("SingleStream", 6_000_000, "ns")


@pytest.mark.parametrize(
    ("value", "passed"), [(179.9, False), (180, True), (220, True), (221, False)]
)
def test_test01_runs_within_ten_per_cent_of_the_submission(value: float, passed: bool) -> None:
    found = verify_same_speed(OFFLINE, Score("Offline", value, "samples/s"), 0.1)
    assert found.passed is passed
    assert ("TEST PASS" in found.text.splitlines()) is passed
    assert ("TEST FAIL" in found.text.splitlines()) is not passed


@pytest.mark.parametrize(("value", "passed"), [(100.0, True), (219.9, True), (220.1, False)])
def test_test04_is_less_than_ten_per_cent_faster(value: float, passed: bool) -> None:
    assert verify_not_faster(OFFLINE, Score("Offline", value, "samples/s"), 0.1).passed is passed


@pytest.mark.parametrize(
    ("latency", "passed"), [(12_000_000, True), (5_460_000, True), (5_450_000, False)]
)
def test_a_shorter_latency_is_faster(latency: float, passed: bool) -> None:
    found = verify_not_faster(SINGLE, Score("SingleStream", latency, "ns"), 0.1)
    assert found.passed is passed
    assert f"test score = {latency} ns" in found.text


def test_answers_must_be_those_of_the_accuracy_run() -> None:
    reference = {0: "01000000", 1: "02000000", 2: "03000000"}
    assert verify_answers(reference, [(1, "02000000"), (2, "03000000"), (1, "02000000")]).passed
    found = verify_answers(reference, [(1, "02000000"), (2, "02000000")])
    assert not found.passed
    assert found.why == "1 of 2 sampled answers differ from the accuracy run's"
    assert "TEST FAIL" in found.text.splitlines()


def test_a_picture_that_the_accuracy_run_did_not_answer_fails() -> None:
    found = verify_answers({0: "01000000"}, [(0, "01000000"), (9, "01000000")])
    assert found.why.endswith("1 are of pictures it did not answer")


def test_no_sampled_answer_is_no_proof() -> None:
    assert verify_answers({0: "01000000"}, []).why == "no answer was sampled"
