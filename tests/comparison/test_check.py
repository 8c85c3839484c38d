"""What a check refuses, and what it leaves a CI."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from r50bench.comparison.check import (
    check_junit,
    check_markdown,
    refuse_unknown_cases,
    side_of_results,
)
from r50bench.comparison.compare import Comparison, compare_sides
from r50bench.errors import RunFailed, UsageError
from r50bench.measure.session import CaseResult
from support import fake_cases, records
from support.junit_rules import check_junit_rules
from support.measured_runs import looked_at, run_of, side

PLANNED = fake_cases.planned("inference_throughput_avx_fp32")
FAILED = CaseResult(PLANNED, None, RunFailed("worker 0 was killed\nby SIGKILL"))


def comparison() -> Comparison:
    rows = [("avx_int8", 90.0), ("avx_fp32", 100.0), ("avx_bfloat16", 100.0)]
    spread = {"avx_bfloat16": 20.0}
    base = [run_of(100.0 + at, precision=name) for name, _ in rows for at in (0, 0.1, 0.2)]
    new = [
        run_of(value + at * spread.get(name, 0.1), precision=name)
        for name, value in rows
        for at in (0, 1, 2)
    ]
    return compare_sides(side("main", *base), side("now", *new))


def test_slower_is_a_failure_noise_is_skipped_and_a_failed_run_is_an_error() -> None:
    text = check_junit(comparison(), [FAILED])
    check_junit_rules(text)
    (suite,) = ElementTree.fromstring(text)
    found = {case.get("name"): case[0].tag for case in suite}
    assert (
        found
        == {
            "inference_throughput_avx_int8": "failure",
            "inference_throughput_avx_fp32": "system-out",
            "inference_throughput_avx_bfloat16": "skipped",
            PLANNED.name: "error",
        }
        or found[PLANNED.name] == "error"
    )
    slower = suite[0][0]
    assert str(slower.get("message")).startswith("slower: Average Throughput 90.1 img/s, 0.900 (")


def test_junit_says_that_undisturbed_batches_were_judged() -> None:
    base = side("main", *(looked_at(run_of(100), 200 + at / 10) for at in range(3)))
    new = side("now", *(looked_at(run_of(100), value) for value in (180.0, 180.1, None)))
    text = check_junit(compare_sides(base, new, judged="undisturbed"), [])
    (suite,) = ElementTree.fromstring(text)
    message = str(suite[0][0].get("message"))
    assert message.startswith("slower: Undisturbed Throughput 180.05 img/s, 0.900 (")
    assert "new: 2 of 3 processes had enough undisturbed batches" in message


def test_markdown_has_the_failed_runs_before_the_table() -> None:
    text = check_markdown(comparison(), [FAILED, FAILED])
    assert text.index("**Failed runs**") < text.index("| case |")
    assert text.count("was killed") == 1
    assert check_markdown(None, [FAILED]).startswith("**Failed runs**")


def test_what_ended_the_check_is_an_error_beside_the_runs_that_failed() -> None:
    ended_by = UsageError("main cannot be compared", hint="save a new baseline")
    text = check_junit(None, [FAILED], ended_by)
    check_junit_rules(text)
    (suite,) = ElementTree.fromstring(text)
    assert [(case.get("name"), case[0].tag) for case in suite] == [
        (PLANNED.name, "error"),
        ("r50bench check", "error"),
    ]
    assert suite[1][0].get("message") == "main cannot be compared"
    assert suite[1][0].text == "main cannot be compared\nhint: save a new baseline"
    markdown = check_markdown(None, [FAILED], ended_by)
    assert markdown.startswith("**Nothing was compared**: main cannot be compared\nhint: save")
    assert "**Failed runs**" in markdown


def test_a_case_that_the_base_does_not_have_is_refused_before_it_runs() -> None:
    base = side("main", run_of(10, precision="avx_int8"))
    with pytest.raises(UsageError, match="main has no run of inference_throughput_avx_fp32"):
        refuse_unknown_cases([PLANNED], base)
    refuse_unknown_cases([PLANNED], side("main", run_of(10, precision="avx_fp32")))


def test_runs_without_figures_make_no_side() -> None:
    assert side_of_results([FAILED]) is None
    outcome = records.outcome_of(records.record_of("accuracy", samples_sha256=None), None)
    found = side_of_results([CaseResult(PLANNED, outcome, None), FAILED])
    assert found is not None
    assert [run.primary.value for run in found.runs] == [95.0]
