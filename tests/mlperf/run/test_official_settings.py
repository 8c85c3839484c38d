"""What MLPerf asks, what a request leaves open, and what is said of a run that falls short."""

from __future__ import annotations

import msgspec
import pytest

from r50bench.errors import UsageError
from r50bench.load import LoadgenSettings
from r50bench.mlperf.run.official_settings import fill_in, no_result_of, shortfalls
from support.records import case_of


def filled(scenario="Offline", mode="PerformanceOnly", pictures=50_000, **given):
    return fill_in(LoadgenSettings(scenario=scenario, mode=mode, **given), pictures)


@pytest.mark.parametrize(
    ("scenario", "count"),
    [("Offline", 24_576), ("SingleStream", 100), ("MultiStream", 662), ("Server", 100)],
)
def test_what_is_not_asked_is_official(scenario, count):
    settings = filled(scenario)
    assert (settings.duration_s, settings.query_count) == (600, count)
    assert (settings.dataset_size, settings.buffer_size) == (50_000, 1024)
    assert settings.target_latency_ms == (15 if scenario == "Server" else None)
    assert shortfalls(settings) == ()


def test_accuracy_of_all_pictures_complies_and_of_fewer_does_not():
    assert shortfalls(filled(mode="AccuracyOnly")) == ()
    assert shortfalls(filled(mode="AccuracyOnly", pictures=500)) == ("500 of 50,000 pictures",)


@pytest.mark.parametrize(
    ("scenario", "given", "said"),
    [
        ("Offline", {"quick": True}, "5 s instead of 600"),
        ("Offline", {"duration_s": 10.0}, "10 s instead of 600"),
        ("Offline", {"query_count": 1}, "any number of samples asked instead of at least 24,576"),
        ("Offline", {"query_count": 100}, "at least 100 samples asked instead of at least 24,576"),
        ("SingleStream", {"query_count": 64}, "at least 64 queries asked instead of at least 100"),
        ("Offline", {"buffer_size": 500}, "a performance set of 500 pictures instead of 1024"),
        ("Offline", {"dataset_size": 20}, "a performance set of 20 pictures instead of 1024"),
        ("MultiStream", {"samples_per_query": 4}, "4 samples a query instead of 8"),
        ("Server", {"target_latency_ms": 100.0}, "a bound of 100 ms instead of 15"),
        ("Server", {"mode": "FindPeakPerformance"}, "a search is no submission"),
        ("Offline", {"mode": "SubmissionRun", "dataset_size": 2000}, "2000 of 50,000 pictures"),
    ],
)
def test_whatever_is_cut_down_is_named(scenario, given, said):
    found = shortfalls(filled(scenario, **given))
    assert any(said in text for text in found), found


def test_a_run_of_no_model_or_of_random_weights_never_complies():
    assert no_result_of(case_of("throughput")) == ()
    assert no_result_of(case_of("throughput", engine="fake")) == ("the fake engine ran no model",)
    assert no_result_of(case_of("throughput", weights="random")) == ("random weights",)


def test_more_pictures_than_there_are_is_refused():
    with pytest.raises(UsageError, match="loadgen_dataset_size=500, and the data set holds 20"):
        filled(pictures=20, dataset_size=500)


def test_test04_needs_the_picture_it_repeats():
    with pytest.raises(UsageError, match="repeats picture 3"):
        filled(pictures=3, compliance_test="TEST04")
    assert filled(pictures=4, compliance_test="TEST04").dataset_size == 4


def test_a_plan_is_recorded_as_settings_that_equal_those_read_back() -> None:
    plan = filled("Offline", duration_s=5.0)
    read_back = LoadgenSettings(
        "Offline",
        "PerformanceOnly",
        dataset_size=plan.dataset_size,
        buffer_size=plan.buffer_size,
        query_count=plan.query_count,
        duration_s=5.0,
    )
    assert plan.recorded == read_back
    assert msgspec.convert(msgspec.to_builtins(plan.recorded), LoadgenSettings) == plan.recorded
