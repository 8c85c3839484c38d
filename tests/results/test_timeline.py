from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.results.samples import Samples
from r50bench.results.timeline import (
    instance_throughputs,
    mean_latency_ns,
    throughput,
    utilization,
    windows,
)
from support.records import samples_of_latencies


def throughput_of(samples: Samples) -> float:
    common = windows(samples)
    assert common is not None
    return throughput(samples, common).value


def test_instances_in_step_add_up() -> None:
    samples = samples_of_latencies([[10] * 10] * 2)
    assert throughput_of(samples) == pytest.approx(1600, rel=1e-12)


def test_only_the_window_common_to_all_counts() -> None:
    # Instance 0 is done after 100 ms; what instance 1 does alone afterwards counts for nothing.
    samples = samples_of_latencies([[10] * 10, [20] * 10])
    assert throughput_of(samples) == pytest.approx(800 + 400, rel=1e-12)


def test_a_late_start_shortens_the_window_and_not_the_throughput() -> None:
    samples = samples_of_latencies([[10] * 10, [10] * 10], starts_ms=[0, 35])
    (window,) = windows(samples) or ()
    assert window.skew_ns == 35_000_000
    assert window.length_ns == 65_000_000
    assert window.overlap == pytest.approx(65 / 135)
    assert throughput_of(samples) == pytest.approx(1600, rel=1e-12)


def test_a_batch_across_an_edge_counts_by_its_share_inside() -> None:
    # The window is 0 to 40 ms; instance 1 does one batch of 8 and five eighths of the next in it.
    samples = samples_of_latencies([[40], [15, 40]])
    assert throughput_of(samples) == pytest.approx((8 + 8 + 5) / 0.040)


def test_pauses_between_batches_cost_throughput_and_utilization() -> None:
    samples = samples_of_latencies([[10] * 10], gap_ms=10)
    common = windows(samples)
    assert common is not None
    assert throughput(samples, common).value == pytest.approx(80 / 0.190)
    assert utilization(samples, common) == pytest.approx(100 / 190)


def test_the_rounds_mean_is_the_figure_and_three_rounds_give_the_interval() -> None:
    samples = samples_of_latencies([[10] * 4], rounds=3)
    common = windows(samples)
    assert common is not None
    estimate = throughput(samples, common)
    assert estimate.value == pytest.approx(800)
    assert estimate.low == pytest.approx(800)
    assert estimate.high == pytest.approx(800)


def test_few_steps_in_one_round_give_no_interval() -> None:
    samples = samples_of_latencies([[10] * 4])
    common = windows(samples)
    assert common is not None
    assert throughput(samples, common).low is None
    assert mean_latency_ns(samples).low is None


def test_instances_that_never_met_have_no_window() -> None:
    assert windows(samples_of_latencies([[10], [10]], starts_ms=[0, 10])) is None


def test_the_mean_latency_is_that_of_all_batches_and_its_interval_lies_around_it() -> None:
    samples = samples_of_latencies([[10, 12, 11, 10, 13, 11], [20, 22, 21, 20, 23, 21, 25]])
    estimate = mean_latency_ns(samples)
    assert estimate.value == pytest.approx((67 + 152) / 13 * 1e6)
    assert estimate.low is not None
    assert estimate.high is not None
    assert (estimate.low + estimate.high) / 2 == pytest.approx(estimate.value)
    assert estimate.low < estimate.value


def test_each_round_has_its_own_skew_and_overlap() -> None:
    late = samples_of_latencies([[10] * 4] * 2, starts_ms=[0, 5])
    prompt = samples_of_latencies([[10] * 4] * 2)
    second = Samples(
        *(prompt.round + 1, prompt.instance, prompt.step),
        *(prompt.start_ns + 10**9, prompt.end_ns + 10**9, prompt.images),
    )
    first, last = windows(Samples.joined([late, second])) or ()
    assert (first.skew_ns, last.skew_ns) == (5_000_000, 0)
    assert (first.overlap, last.overlap) == (pytest.approx(35 / 45), 1)


def test_each_instance_has_its_own_figure() -> None:
    samples = samples_of_latencies([[10] * 10, [20] * 10])
    common = windows(samples)
    assert common is not None
    assert instance_throughputs(samples, common) == pytest.approx([800, 400])


@given(
    st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=8), min_size=1, max_size=4),
    st.integers(1, 64),
)
def test_busy_instances_are_fully_used_and_add_up(latencies: list[list[int]], images: int) -> None:
    samples = samples_of_latencies(latencies, images=images)
    common = windows(samples)
    assert common is not None
    total = throughput(samples, common)
    assert utilization(samples, common) == pytest.approx(1)
    assert np.sum(instance_throughputs(samples, common)) == pytest.approx(total.value)
    fastest, slowest = min(map(min, latencies)), max(map(max, latencies))
    assert total.value <= len(latencies) * images * 1000 / fastest * (1 + 1e-9)
    assert total.value >= len(latencies) * images * 1000 / slowest * (1 - 1e-9)


Latencies = Callable[[np.random.Generator, int, int], np.ndarray]


def gamma(rng: np.random.Generator, instances: int, steps: int) -> np.ndarray:
    """Independent latencies of mean 1 that vary by a fifth."""
    return rng.gamma(25, 1 / 25, (instances, steps))


def autoregressive(rng: np.random.Generator, instances: int, steps: int) -> np.ndarray:
    """Latencies of mean 1 that vary by a tenth; neighbours are correlated by one half."""
    noise = rng.normal(size=(instances, steps)) * math.sqrt(0.75)
    values = np.empty((instances, steps))
    values[:, 0] = rng.normal(size=instances)
    for at in range(1, steps):
        values[:, at] = 0.5 * values[:, at - 1] + noise[:, at]
    return 1 + values / 10


def simulated(latencies: np.ndarray, rounds: int = 1) -> Samples:
    """Builds samples from latencies in units of 10 ms, rows in turn being rounds and instances."""
    instances, steps = latencies.shape[0] // rounds, latencies.shape[1]
    ends = (latencies * 1e7).astype(np.int64).cumsum(axis=1)
    ends += (np.arange(len(ends)) // instances * 10**12)[:, None]
    durations = (latencies * 1e7).astype(np.int64)
    shape = (len(ends), steps)
    numbers = np.broadcast_to((np.arange(len(ends)) // instances)[:, None], shape)
    which = np.broadcast_to((np.arange(len(ends)) % instances)[:, None], shape)
    at = np.broadcast_to(np.arange(steps), shape)
    columns = (numbers, which, at, ends - durations, ends, np.full(shape, 8))
    return Samples(*(column.ravel() for column in columns))


@pytest.mark.parametrize("latencies", [gamma, autoregressive])
@pytest.mark.parametrize(
    ("instances", "steps", "rounds"),
    [
        (1, 10, 1),
        (2, 10, 1),
        (4, 20, 1),
        (1, 50, 1),
        (2, 100, 1),
        (4, 200, 1),
        (2, 20, 2),
        (2, 10, 5),
    ],
)
def test_the_interval_covers_the_true_figures(
    latencies: Latencies, instances: int, steps: int, rounds: int
) -> None:
    runs = 300
    rng = np.random.default_rng(2020)
    throughput_hits = latency_hits = 0
    widths = []
    for _ in range(runs):
        samples = simulated(latencies(rng, instances * rounds, steps), rounds)
        common = windows(samples)
        assert common is not None
        found, mean = throughput(samples, common), mean_latency_ns(samples)
        assert found.low is not None
        assert found.high is not None
        assert mean.low is not None
        assert mean.high is not None
        throughput_hits += found.low <= 800 * instances <= found.high
        latency_hits += mean.low <= 1e7 <= mean.high
        widths.append((found.high - found.low) / (2 * 800 * instances))
    assert throughput_hits >= 0.93 * runs
    assert latency_hits >= 0.93 * runs
    # No cheap coverage: from 50 steps on the interval is at most twice the ideal one, which
    # knows the latencies' variance and correlation.
    if steps >= 50:
        deviation = 0.2 if latencies is gamma else 0.1 * math.sqrt(3)
        assert np.mean(widths) < 2 * 1.96 * deviation / math.sqrt(instances * steps)
