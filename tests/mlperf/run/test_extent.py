"""What a LoadGen run will ask, for how long and why, said before it begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from r50bench.host.topology import read_host
from r50bench.load import SCENARIOS, LoadgenSettings
from r50bench.mlperf.plan import plan_mlperf
from r50bench.mlperf.run.extent import extent, headline
from r50bench.mlperf.run.official_settings import fill_in
from r50bench.mlperf.run.run_length import expected_samples
from r50bench.parameters import collect
from support.loadgen_targets import raw


def asked(scenario: str, mode: str = "PerformanceOnly", **given: Any) -> LoadgenSettings:
    return LoadgenSettings(scenario=scenario, mode=mode, **given)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_whole_run_of_every_scenario_says_how_long_and_by_whose_rules(scenario: str) -> None:
    whole = extent(asked(scenario))
    assert "600 s" in whole.text
    assert "(MLPerf's rules)" in whole.text
    assert (whole.seconds, whole.least_s) == (None, 600)


def test_a_short_server_run_says_by_what_its_least_count_lengthens_it() -> None:
    whole = extent(asked("Server", duration_s=3.0, target_qps=10.0))
    assert (whole.seconds, whole.lengthened) == (250, True)
    assert "queries at 10/s for 3 s (as asked)" in whole.text
    assert "2,500 at least (of fewer, LoadGen accepts hardly a late one)" in whole.text
    assert "which take 250 s" in whole.text


def test_a_rate_that_is_measured_first_leaves_it_open_and_says_from_where_on_it_takes_longer():
    whole = extent(asked("Server", quick=True))
    assert whole.seconds is None
    assert "at a rate that is measured first for 5 s (a quick run)" in whole.text
    assert "take longer below 500/s: 125 s at 20/s" in whole.text


def test_a_count_that_was_given_is_called_so_and_one_that_fits_lengthens_nothing() -> None:
    whole = extent(asked("Server", duration_s=3.0, target_qps=10.0, query_count=20))
    assert "20 at least (as asked)" in whole.text
    assert (whole.seconds, whole.lengthened) == (3, False)
    assert "which take" not in whole.text


def test_the_streams_say_from_which_latency_on_their_least_count_takes_longer() -> None:
    short = extent(asked("MultiStream", quick=True))
    assert "662 at least (LoadGen estimates no 99th percentile of fewer)" in short.text
    assert "take longer above 7.55 ms each" in short.text
    expected = extent(asked("MultiStream", quick=True, target_latency_ms=100.0))
    assert expected.seconds == pytest.approx(66.2)
    assert "take longer" not in extent(asked("SingleStream")).text


@pytest.mark.parametrize(
    ("scenario", "given", "seconds"),
    [
        ("Offline", {"target_qps": 100.0}, 660),
        ("Offline", {"target_qps": 1000.0}, 6600),
        ("Offline", {"target_qps": 1.0}, 245.76),
        ("SingleStream", {"target_latency_ms": 6.0}, 600),
        ("SingleStream", {"target_latency_ms": 6.0, "duration_s": 0.5}, 1),
        ("MultiStream", {"target_latency_ms": 6.0, "duration_s": 0.5}, 6.62),
        ("Server", {"target_qps": 5.0, "duration_s": 5.0}, 500),
        ("Server", {"target_qps": 50.0}, 600),
    ],
)
def test_how_long_loadgen_takes_is_known_once_the_instances_are_measured(
    scenario: str, given: dict[str, Any], seconds: float
) -> None:
    settings = asked(scenario, **given)
    assert extent(settings, raw(100, 10)).seconds == pytest.approx(seconds)
    if scenario == "Offline":
        samples = expected_samples(fill_in(settings, 2000))
        assert samples / 100 == pytest.approx(seconds)


def test_accuracy_is_each_picture_once_and_takes_the_time_of_the_rate_where_server_is_given_one():
    assert extent(asked("Offline", "AccuracyOnly")).text == "each picture of the data set once"
    assert extent(asked("Offline", "AccuracyOnly", dataset_size=20)).text == (
        "each of 20 pictures once"
    )
    server = extent(asked("Server", "AccuracyOnly", dataset_size=500, target_qps=10.0))
    assert (server.text, server.seconds) == (
        "each of 500 pictures once, at 10/s, which takes 50 s",
        50,
    )


def test_both_parts_of_a_submission_run_are_said_and_counted() -> None:
    settings = asked("SingleStream", "SubmissionRun", dataset_size=500)
    assert extent(settings).text.startswith("each of 500 pictures once; queries one after")
    assert extent(settings, raw(100, 10)).seconds == pytest.approx(605)


def test_a_search_says_that_it_is_several_tests() -> None:
    assert "up to 8 tests" in extent(asked("Offline", "FindPeakPerformance")).text
    assert "LoadGen's own search" in extent(asked("Server", "FindPeakPerformance")).text


def test_the_headline_begins_with_what_runs_and_for_how_long() -> None:
    def line(loadgen: LoadgenSettings) -> str:
        return headline(plan_mlperf(loadgen, collect({}, ["ENGINE=fake"], {}), read_host()))

    short = asked("Server", duration_s=3.0, target_qps=10.0)
    name = "mlperf_Server_PerformanceOnly_"
    assert line(short).startswith(name)
    assert ": LoadGen for about 250 s: queries at 10/s" in line(short)
    assert ": LoadGen for 3 s or more: queries" in line(replace(short, target_qps=None))
