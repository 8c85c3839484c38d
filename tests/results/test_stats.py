from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaincinv, ndtri

from r50bench.results.stats import (
    Estimate,
    inflation,
    mean_of_rounds,
    mean_of_series,
    percentile,
    supports_percentile,
)

latencies = st.floats(0, 1e6)


def test_a_percentile_is_the_nearest_rank() -> None:
    values = np.arange(1.0, 1001.0)
    found = [percentile(values, percent).value for percent in (50, 90, 99, 99.9, 100)]
    assert found == [500, 900, 990, 999, 1000]
    assert percentile(np.array([7.0]), 50).value == 7


@given(st.lists(latencies, min_size=1, max_size=60), st.floats(0.1, 99.9))
def test_a_percentile_was_measured_and_splits_the_values(values: list[float], share: float) -> None:
    estimate = percentile(np.array(values), share)
    assert estimate.value in values
    count = len(values)
    assert sum(value <= estimate.value for value in values) >= count * share / 100 - 1e-6
    assert sum(value < estimate.value for value in values) < count * share / 100 + 1e-6
    for end in (estimate.low, estimate.high):
        assert end is None or end in values
    assert estimate.low is None or estimate.low <= estimate.value
    assert estimate.high is None or estimate.high >= estimate.value


def test_the_interval_of_a_median_has_the_textbook_s_ranks() -> None:
    # Table of binomial confidence intervals of the median: n = 10 gives ranks 2 and 9, n = 25
    # ranks 8 and 18, n = 100 ranks 40 and 61.
    for count, low, high in ((10, 2, 9), (25, 8, 18), (100, 40, 61)):
        estimate = percentile(np.arange(1.0, count + 1), 50)
        assert (estimate.low, estimate.high) == (low, high)


def test_an_end_beyond_the_values_is_absent() -> None:
    assert percentile(np.arange(100.0), 99).high is None
    assert percentile(np.arange(5.0), 50).low is None


def test_a_percentile_needs_a_value_beyond_it() -> None:
    assert [supports_percentile(n, 99.9) for n in (999, 1000)] == [False, True]
    assert [supports_percentile(n, 99) for n in (99, 100)] == [False, True]
    assert [supports_percentile(n, 90) for n in (9, 10)] == [False, True]
    assert [supports_percentile(n, 50) for n in (1, 2)] == [False, True]


def test_rounds_give_student_s_interval() -> None:
    # Mean 10, standard deviation 1, n = 4: 10 ± 3.18245 / 2.
    values = np.array([10 - math.sqrt(1.5), 10.0, 10.0, 10 + math.sqrt(1.5)])
    estimate = mean_of_rounds(values)
    assert estimate.low == pytest.approx(10 - 3.182446 / 2, abs=1e-6)
    assert estimate.high == pytest.approx(10 + 3.182446 / 2, abs=1e-6)


def test_no_interval_of_a_time_or_a_rate_goes_below_zero() -> None:
    scattered = np.array([1.0, 1.0, 1.0, 1.0, 20.0])
    for estimate in (mean_of_rounds(scattered), mean_of_series([scattered])):
        assert estimate.low == 0
        assert estimate.high is not None
        assert estimate.high > 10
    assert Estimate(5.0, -1.0, 11.0).scaled(2) == Estimate(10.0, 0.0, 22.0)


@pytest.mark.parametrize("values", [[5.0], [5.0, 6.0]])
def test_too_few_rounds_give_no_interval(values: list[float]) -> None:
    estimate = mean_of_rounds(np.array(values))
    assert estimate.value == np.mean(values)
    assert (estimate.low, estimate.high) == (None, None)


def test_too_few_blocks_give_no_interval() -> None:
    assert mean_of_series([np.arange(4.0)]).low is None
    assert mean_of_series([np.arange(5.0)]).low is not None


def test_equal_values_have_an_interval_of_no_width() -> None:
    estimate = mean_of_series([np.full(10, 3.0)])
    assert (estimate.low, estimate.value, estimate.high) == (3, 3, 3)


def test_correlated_values_count_for_less() -> None:
    rng = np.random.default_rng(1)
    independent = rng.normal(size=1000)
    smooth = np.convolve(rng.normal(size=1100), np.ones(20), mode="same")[:1000]
    assert 1 <= inflation([independent]) < 1.3
    assert inflation([smooth]) > 4


def gamma(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.gamma(25, 1 / 25, count)


def autoregressive(rng: np.random.Generator, count: int, correlation: float = 0.5) -> np.ndarray:
    noise = rng.normal(size=count + 50) * math.sqrt(1 - correlation**2)
    values = np.empty(count + 50)
    values[0] = rng.normal()
    for at in range(1, count + 50):
        values[at] = correlation * values[at - 1] + noise[at]
    return values[50:]


@pytest.mark.parametrize(("percent", "count"), [(50, 20), (50, 200), (90, 100), (99, 1000)])
def test_percentile_intervals_cover_the_truth_for_independent_latencies(
    percent: float, count: int
) -> None:
    truth = gammaincinv(25, percent / 100) / 25
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(1000):
        estimate = percentile(gamma(rng, count), percent)
        assert estimate.low is not None
        assert estimate.high is not None
        hits += estimate.low <= truth <= estimate.high
    assert hits >= 930


@pytest.mark.parametrize("percent", [50, 90])
def test_percentile_intervals_cover_the_truth_for_correlated_latencies(percent: float) -> None:
    truth = ndtri(percent / 100)
    rng = np.random.default_rng(7)
    hits = naive_hits = 0
    for _ in range(500):
        values = autoregressive(rng, 200)
        naive = percentile(values, percent)
        widening = inflation([(values > naive.value).astype(np.float64)])
        estimate = percentile(values, percent, widening)
        assert None not in (naive.low, naive.high, estimate.low, estimate.high)
        naive_hits += naive.low <= truth <= naive.high
        hits += estimate.low <= truth <= estimate.high
    assert hits >= 465
    assert naive_hits < 465
