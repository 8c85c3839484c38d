"""The table of one LoadGen run."""

from __future__ import annotations

from dataclasses import replace

from r50bench.load import LoadgenSettings
from r50bench.report.loadgen import mlperf_text
from r50bench.results.record import LoadgenResult, Record
from support.records import record_of


def run(scenario: str, score: float) -> Record:
    server = scenario == "Server"
    settings = LoadgenSettings(
        scenario, "PerformanceOnly", 20, duration_s=600.0, target_qps=100.0, query_count=100
    )
    result = LoadgenResult(
        settings, "6.0.17", "VALID", score, "Throughput", "samples/s",
        percentiles_ns={"99.00": 14_000_000} if server else {},
        bound_ns=15_000_000 if server else None,
        raw_throughput=200.0, raw_latency_ns=5_000_000,
    )  # fmt: skip
    return record_of(id=scenario, loadgen=result)


def test_server_is_set_against_the_offline_run_of_this_host():
    text = mlperf_text(run("Server", 40.0), run("Offline", 160.0))
    assert "Offline      160 samples/s (batch 8, Offline); Server lies 75.0 % below it" in text


def test_without_an_offline_run_the_command_that_makes_one_is_named():
    text = mlperf_text(run("Server", 40.0))
    assert "r50bench mlperf --scenario Offline --mode PerformanceOnly --precision avx_int8" in text


def test_the_latency_that_is_compared_with_the_raw_one_stands_beside_it():
    single = run("SingleStream", 5_400_000)
    result = replace(
        single.loadgen, score_unit="ns", percentiles_ns={"90.00": 5_250_000}, overhead=0.05
    )
    text = mlperf_text(replace(single, loadgen=result))
    assert "performance  5.4 ms" in text
    assert "raw engine   p90 5 ms; LoadGen's 5.25 ms; harness overhead 5.00 %" in text


def test_other_scenarios_are_set_against_nothing():
    assert "below" not in mlperf_text(run("Offline", 160.0), run("Offline", 150.0))
