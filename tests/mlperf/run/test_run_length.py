"""How much LoadGen will ask and how long that takes, known before, and refused if too much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.errors import RunFailed
from r50bench.load import LoadgenSettings
from r50bench.mlperf.run.official_settings import fill_in
from r50bench.mlperf.run.run_length import (
    expected_samples,
    refuse_hopeless_rate,
    refuse_too_many_queries,
)
from r50bench.mlperf.run.targets import with_target
from support.loadgen_targets import filled, raw, service

GIB = 2**30


def asked_and_offered(service_time, **given):
    """Returns what was asked of Server, and the settings with the rate that is offered."""
    asked = LoadgenSettings(scenario="Server", mode="PerformanceOnly", **given)
    return asked, with_target(fill_in(asked, 2000), raw(100, 10), service_time)[0]


@pytest.mark.parametrize("length", [{"quick": True}, {}])
def test_a_rate_too_low_for_any_run_of_mlperfs_length_is_refused(length):
    with pytest.raises(RunFailed, match=r"600 s hold \d+ queries, too few") as refused:
        refuse_hopeless_rate(*asked_and_offered(service(14.5), **length))
    assert " --target-qps" in refused.value.hint
    refuse_hopeless_rate(*asked_and_offered(service(5), **length))


def test_the_fewest_queries_that_loadgen_accepts_are_not_too_few():
    asked = LoadgenSettings(scenario="Server", mode="PerformanceOnly")
    refuse_hopeless_rate(asked, filled("Server", target_qps=459 / 600))
    with pytest.raises(RunFailed, match="hold 458 queries"):
        refuse_hopeless_rate(asked, filled("Server", target_qps=458 / 600))
    refuse_hopeless_rate(asked, filled("Server", target_qps=458 / 600, duration_s=700.0))


@pytest.mark.parametrize("given", [{"target_qps": 0.5}, {"query_count": 2500}])
def test_a_rate_or_a_count_that_was_given_may_take_its_time(given):
    slow = asked_and_offered(service(14.5), quick=True, **given)
    assert slow[1].query_count / slow[1].target_qps > 600
    refuse_hopeless_rate(*slow)


def test_what_loadgen_generates_follows_from_target_and_duration():
    assert expected_samples(filled("Offline", target_qps=100.0)) == 66_000
    assert expected_samples(filled("Offline", target_qps=1.0)) == 24_576
    assert expected_samples(filled("Server", target_qps=100.0)) == 60_000
    assert expected_samples(filled("SingleStream", target_latency_ms=10.0)) == 60_000
    assert expected_samples(filled("MultiStream", target_latency_ms=100.0)) == 48_000


def test_queries_that_would_fill_the_memory_are_refused():
    absurd = filled("Offline", target_qps=1e7)
    with pytest.raises(RunFailed, match="2,336 GiB") as caught:
        refuse_too_many_queries(absurd, 64 * GIB)
    assert caught.value.exit_code == 5
    refuse_too_many_queries(replace(absurd, target_qps=1e4), 64 * GIB)
    refuse_too_many_queries(replace(absurd, target_qps=None), 64 * GIB)
