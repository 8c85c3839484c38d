"""What ``get KEY`` prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.errors import R50BenchError, UsageError
from r50bench.load import LoadgenSettings
from r50bench.mlperf.query.figures import ANSWERS, answer, answers, check_answerable
from r50bench.results.record import Accuracy, Record
from support import records
from support.scripted_loadgen import result_of

FOLDER = Path("/runs/one")


def record_of(scenario: str, mode: str, **changes: object) -> Record:
    settings = LoadgenSettings(scenario, mode, dataset_size=500)
    scored = Accuracy(500, 376, 450) if settings.scores_accuracy else None
    return records.record_of(accuracy=scored, loadgen=result_of(settings, **changes))


@pytest.mark.parametrize(
    ("scenario", "mode", "key", "text"),
    [
        ("Offline", "AccuracyOnly", "accuracy", "75.2"),
        ("Offline", "AccuracyOnly", "accuracy_report", "accuracy=75.200%, good=376, total=500"),
        ("Offline", "PerformanceOnly", "performance", "171.966"),
        ("Server", "PerformanceOnly", "performance", "171.966"),
        ("SingleStream", "PerformanceOnly", "performance", "6200000"),
        ("MultiStream", "PerformanceOnly", "performance", "6200000"),
        ("SingleStream", "PerformanceOnly", "score", "6200000"),
        ("SingleStream", "PerformanceOnly", "score_unit", "ns"),
        ("SingleStream", "PerformanceOnly", "performance_unit", "ns"),
        ("SingleStream", "PerformanceOnly", "latency_p90", "6123339"),
        ("MultiStream", "PerformanceOnly", "latency_p99", "7000000"),
        ("SingleStream", "PerformanceOnly", "latency_p50", "5900000"),
        ("Offline", "PerformanceOnly", "verdict", "VALID"),
        ("Offline", "SubmissionRun", "accuracy", "75.2"),
        ("Offline", "SubmissionRun", "performance", "171.966"),
        ("Server", "FindPeakPerformance", "performance", "171.966"),
        ("Offline", "AccuracyOnly", "record", "/runs/one"),
        ("Offline", "AccuracyOnly", "compliant", "False"),
        ("Offline", "AccuracyOnly", "errors", "none"),
    ],
)
def test_answers_are_printed_as_the_workflow_prints_them(
    scenario: str, mode: str, key: str, text: str
) -> None:
    record = record_of(scenario, mode)
    assert record.loadgen is not None
    check_answerable(key, record.loadgen.settings)
    assert answer(key, record, FOLDER) == text


def test_whole_percents_keep_their_decimal() -> None:
    settings = LoadgenSettings(dataset_size=20)
    record = records.record_of(accuracy=Accuracy(20, 19, 20), loadgen=result_of(settings))
    assert answer("accuracy", record, FOLDER) == "95.0"


@pytest.mark.parametrize(
    ("mode", "key", "hint"),
    [
        ("AccuracyOnly", "performance", "loadgen_mode=PerformanceOnly"),
        ("PerformanceOnly", "accuracy", "loadgen_mode=AccuracyOnly"),
        ("PerformanceOnly", "latency_p90", "another scenario than Offline"),
        ("AccuracyOnly", "acuracy", "did you mean accuracy"),
        ("AccuracyOnly", "qqqq", "known: accuracy"),
    ],
)
def test_what_a_run_cannot_answer_is_refused_before_it(mode: str, key: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_answerable(key, LoadgenSettings(mode=mode))
    assert hint in (caught.value.hint or "")


def test_a_missing_figure_is_an_error_and_never_none() -> None:
    record = record_of("SingleStream", "PerformanceOnly", score=None)
    with pytest.raises(R50BenchError, match="gives no performance"):
        answer("performance", record, FOLDER)


@pytest.mark.parametrize("mode", ["AccuracyOnly", "PerformanceOnly", "SubmissionRun"])
def test_all_answers_are_those_that_can_be_asked_one_by_one(mode: str) -> None:
    record = record_of("Offline", mode)
    assert record.loadgen is not None
    found = dict(answers(record, FOLDER))
    for key, text in found.items():
        check_answerable(key, record.loadgen.settings)
        assert text == answer(key, record, FOLDER)
        assert "None" not in text
    assert ("accuracy" in found) is record.loadgen.settings.scores_accuracy
    assert {"record", "created", "id"} <= found.keys() <= ANSWERS.keys()
