"""A round of MLPerf is one value: what a made-up one takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.errors import UsageError
from r50bench.load import LoadgenSettings
from r50bench.measure.loads.loadgen.conf_files import audit_config
from r50bench.mlperf.run.official_settings import fill_in, shortfalls
from r50bench.mlperf.submission.layout import Layout
from r50bench.mlperf_rules import DEFAULT_ROUND, ROUNDS, round_of


def test_rounds_are_told_apart_by_their_seeds() -> None:
    assert all(round_.name == name for name, round_ in ROUNDS.items())
    assert len({round_.seeds for round_ in ROUNDS.values()}) == len(ROUNDS)


def test_an_unknown_round_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="unknown round") as caught:
        round_of("v9")
    assert "v5.1" in str(caught.value.hint)


def test_a_new_round_is_a_new_value(monkeypatch: pytest.MonkeyPatch) -> None:
    new = replace(
        DEFAULT_ROUND,
        name="v7",
        seeds=(1, 2, 3),
        duration_s=60.0,
        counts={**DEFAULT_ROUND.counts, "Server": 7},
        server_bound_ms=9.0,
        audits={"TEST04": {"mode": 2, "performance_issue_same_index": 5}},
        tree=replace(DEFAULT_ROUND.tree, code="source", implementation="{name}.json"),
    )
    monkeypatch.setitem(ROUNDS, "v7", new)
    settings = fill_in(LoadgenSettings("Server", "PerformanceOnly", seeds="v7"), 50_000)
    assert (settings.duration_s, settings.query_count, settings.target_latency_ms) == (60, 7, 9)
    assert shortfalls(settings) == ()
    assert "9" in shortfalls(replace(settings, target_latency_ms=15.0))[0]
    test = LoadgenSettings("Server", "PerformanceOnly", compliance_test="TEST04", seeds="v7")
    assert audit_config(test).splitlines()[-1] == "*.*.performance_issue_same_index = 5"
    with pytest.raises(UsageError, match="repeats picture 5"):
        fill_in(test, 5)
    layout = Layout("v7", "closed", "Example")
    assert str(layout.code_readme) == "closed/Example/source/resnet50/README.md"
    assert layout.implementation("sut", "Server", "r50bench_int8").name == "r50bench_int8.json"
