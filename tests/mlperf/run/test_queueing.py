"""The simulated queue, against what queueing theory and LoadGen's early stopping know exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r50bench.mlperf.run.queueing import (
    Service,
    allowed_late_share,
    late_share,
    sustainable_rate,
)

MS = 1_000_000


def constant(latency_ms, instances=1, batch_size=1):
    return Service(np.full(10, round(latency_ms * MS)), instances, batch_size)


@pytest.mark.parametrize("load", [0.3, 0.5, 0.7])
def test_as_many_queries_wait_at_all_as_erlang_says(load):
    # M/D/1: a query finds the server busy with probability equal to the load.
    waited = late_share(constant(10), load * 100, bound_ns=10 * MS + 1)
    assert waited == pytest.approx(load, abs=0.02)


def test_exponential_service_times_give_the_exponential_sojourn_of_theory():
    # M/M/1: the time in the system is exponential with mean 1 / (service rate - arrival rate).
    times = np.random.default_rng(5).exponential(10 * MS, 200_000).astype(np.int64)
    late = late_share(Service(times, 1, 1), 50, bound_ns=40 * MS)
    assert late == pytest.approx(np.exp(-0.05 * 40), abs=0.03)


def test_what_waits_is_served_together_up_to_a_batch():
    # 150 queries/s are more than single batches of 10 ms bear, and little for batches of four.
    assert late_share(constant(10), 150, bound_ns=50 * MS) > 0.9
    assert late_share(constant(10, batch_size=4), 150, bound_ns=50 * MS) == 0


@settings(max_examples=12, deadline=None)
@given(latency_ms=st.floats(0.5, 14), instances=st.integers(1, 8), allowed=st.floats(0.0005, 0.05))
def test_the_sustainable_rate_is_sustained_and_a_little_more_is_not(latency_ms, instances, allowed):
    service = constant(latency_ms, instances)
    rate = sustainable_rate(service, 15 * MS, allowed)
    assert 0 < rate < service.capacity
    assert late_share(service, rate, 15 * MS) <= allowed
    assert (
        rate > 0.98 * service.capacity
        or late_share(service, rate + 0.01 * service.capacity, 15 * MS) > allowed
    )


def test_a_service_that_is_always_late_sustains_nothing():
    assert sustainable_rate(constant(16), 15 * MS, 0.01) == 0


@pytest.mark.parametrize(
    ("queries", "late"), [(458, None), (459, 0), (661, 0), (662, 1), (1000, 2)]
)
def test_a_run_may_have_as_many_late_queries_as_early_stopping_accepts(queries, late):
    share = allowed_late_share(queries)
    if late is None:
        assert share == 0
        return
    runs = np.random.default_rng(3).binomial(queries, share, 100_000)
    assert np.mean(runs <= late) == pytest.approx(0.9, abs=0.01)


def test_the_longer_the_run_the_nearer_it_may_come_to_one_per_cent():
    shares = [allowed_late_share(queries) for queries in (500, 5_000, 50_000, 270_336)]
    assert shares == sorted(shares)
    assert 0.009 < shares[-1] < 0.01
