"""Verdicts: what their arithmetic gives, and how often they are wrong, by simulation.

The spreads are those that were measured: 14 % between runs on a restless virtual machine whose
cores know two states, 1 % on a quiet host. Everything is seeded.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from r50bench.comparison.verdict import (
    MOST_PROCESSES,
    Between,
    LogRatio,
    Sample,
    decide,
    log_ratio,
    processes_needed,
)

Draw = Callable[[np.random.Generator, int], np.ndarray]
TRIALS = 600


def sample(values: np.ndarray | list[float], within: float | None = 0.005) -> Sample:
    return Sample(tuple(map(float, values)), (within,) * len(values))


def lognormal(spread: float) -> Draw:
    return lambda random, count: np.exp(spread * random.standard_normal(count))


def bistable(random: np.random.Generator, count: int) -> np.ndarray:
    """Two states, each steady within 3 %, the slower one for 30 % of the runs."""
    slow = random.random(count) < 0.3
    return np.exp(np.where(slow, -0.3, 0.0) + 0.03 * random.standard_normal(count))


def verdict_of(base: Sample, new: Sample, tolerance: float = 0.02) -> str:
    return decide([log_ratio(base, new)], [True], tolerance)[0]


def test_two_sides_of_processes_are_compared_by_welchs_t_on_logarithms() -> None:
    base, new = [100.0, 103, 99, 101], [96.0, 91, 95]
    found = log_ratio(sample(base), sample(new))
    expected = stats.ttest_ind(np.log(new), np.log(base), equal_var=False)
    assert found.p_equal() == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval(0.95)
    interval = found.interval()
    assert (interval.low, interval.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert found.ratio == pytest.approx(stats.gmean(new) / stats.gmean(base))
    assert found.basis == "processes"


@pytest.mark.parametrize(
    ("base", "new", "more_is_better", "expected"),
    [
        ([100, 101, 99], [110, 111, 109], True, "faster"),
        ([100, 101, 99], [110, 111, 109], False, "slower"),
        ([100, 101, 99], [90, 91, 89], True, "slower"),
        ([100, 100.1, 99.9], [100.2, 100.1, 100], True, "same"),
        ([100, 140, 70], [110, 150, 80], True, "too noisy"),
        ([100, 100], [100, 100], True, "same"),
        ([100, 100], [103, 103], True, "faster"),
    ],
)
def test_a_verdict_is_as_sure_as_the_processes_allow(
    base: list[float], new: list[float], more_is_better: bool, expected: str
) -> None:
    ratio = log_ratio(sample(base), sample(new))
    assert decide([ratio], [more_is_better], 0.02) == [expected]


def test_a_single_process_beside_several_is_judged_by_the_spread_of_those() -> None:
    several = [100.0, 102, 98, 101]
    found = log_ratio(sample(several), sample([90]))
    spread = float(np.std(np.log(several), ddof=1))
    assert (found.basis, found.freedom) == ("one process a side", 3)
    assert found.error == pytest.approx(spread * math.sqrt(1 + 1 / 4))


def test_two_single_processes_are_widened_by_what_the_history_knows() -> None:
    base, new = sample([100], 0.001), sample([103], 0.001)
    widened = log_ratio(base, new, Between(variance=0.02**2, freedom=10))
    assert (widened.basis, widened.freedom) == ("history", 10)
    assert widened.error == pytest.approx(0.02 * math.sqrt(2))
    assert decide([widened], [True], 0.02) == ["too noisy"]
    wide = log_ratio(sample([100], 0.05), sample([103], 0.05), Between(0.02**2, 10))
    assert wide.error == pytest.approx(0.05 * math.sqrt(2))


def test_without_a_history_two_single_processes_never_get_a_verdict() -> None:
    base, new = sample([100], 0.0001), sample([200], 0.0001)
    found = log_ratio(base, new)
    assert found.basis == "rounds"
    assert found.interval().low == pytest.approx(2, rel=1e-3)
    assert decide([found], [True], 0.02) == ["too noisy"]
    assert decide([log_ratio(sample([100], None), new)], [True], 0.02) == ["too noisy"]


def test_counts_do_not_scatter() -> None:
    base, fewer = (Sample((value,), (None,), counted=True) for value in (95.0, 90.0))
    assert decide([log_ratio(base, base)], [True], 0.02) == ["same"]
    assert decide([log_ratio(base, fewer)], [True], 0.02) == ["slower"]
    assert decide([log_ratio(base, fewer)], [True], 0.06) == ["same"]


@pytest.mark.parametrize("draw", [lognormal(0.14), lognormal(0.01), bistable])
def test_equal_sides_are_told_apart_in_at_most_one_comparison_of_twenty(draw: Draw) -> None:
    random = np.random.default_rng(15)
    wrong = sum(
        verdict_of(sample(draw(random, 5)), sample(draw(random, 5))) in ("faster", "slower")
        for _ in range(TRIALS)
    )
    assert wrong / TRIALS <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / TRIALS)


@pytest.mark.parametrize("spread", [0.14, 0.01])
def test_equal_single_runs_are_told_apart_in_at_most_one_pair_of_twenty(spread: float) -> None:
    random = np.random.default_rng(16)
    wrong = 0
    for _ in range(TRIALS):
        known = np.log(lognormal(spread)(random, 11))
        between = Between(float(np.var(known, ddof=1)), 10)
        base, new = (sample(lognormal(spread)(random, 1), spread / 3) for _ in range(2))
        wrong += decide([log_ratio(base, new, between)], [True], 0.02)[0] in ("faster", "slower")
    assert wrong / TRIALS <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / TRIALS)


def test_three_per_cent_are_found_in_nine_comparisons_of_ten_on_a_host_with_one_per_cent() -> None:
    random = np.random.default_rng(17)
    found = sum(
        verdict_of(sample(lognormal(0.01)(random, 5)), sample(lognormal(0.01)(random, 5) / 1.03))
        == "slower"
        for _ in range(TRIALS)
    )
    assert found / TRIALS >= 0.90


@pytest.mark.parametrize("sizes", [(5, 5), (3, 8), (10, 10)])
@pytest.mark.parametrize("spread", [0.14, 0.01])
def test_intervals_hold_the_true_ratio_in_ninety_three_of_a_hundred(
    sizes: tuple[int, int], spread: float
) -> None:
    random = np.random.default_rng(18)
    held = 0
    for _ in range(TRIALS):
        base = sample(lognormal(spread)(random, sizes[0]))
        new = sample(lognormal(spread)(random, sizes[1]) * 0.97)
        interval = log_ratio(base, new).interval()
        assert interval.low is not None
        assert interval.high is not None
        held += interval.low <= 0.97 <= interval.high
    assert held / TRIALS >= 0.93


def test_sides_that_differ_by_the_tolerance_are_seldom_called_the_same() -> None:
    random = np.random.default_rng(19)
    wrong = sum(
        verdict_of(sample(lognormal(0.01)(random, 8)), sample(lognormal(0.01)(random, 8) * 0.98))
        == "same"
        for _ in range(TRIALS)
    )
    assert wrong / TRIALS <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / TRIALS)


def test_a_table_of_twelve_equal_cases_is_wrong_no_more_often_than_one_case() -> None:
    random = np.random.default_rng(20)
    tables = 250
    wrong = 0
    for _ in range(tables):
        ratios = [
            log_ratio(sample(lognormal(0.05)(random, 5)), sample(lognormal(0.05)(random, 5)))
            for _ in range(12)
        ]
        wrong += any(one in ("faster", "slower") for one in decide(ratios, [True] * 12, 0.02))
    assert wrong / tables <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / tables)


def test_the_advised_number_of_processes_settles_the_question_mostly() -> None:
    random = np.random.default_rng(21)
    base, new = sample([100.0, 103, 98]), sample([96.0, 97, 101])
    ratio = log_ratio(base, new)
    advised = processes_needed(ratio, base, new, 0.02)
    assert advised is not None
    spread = math.sqrt((base.variance + new.variance) / 2)
    settled = 0
    for _ in range(200):
        again = [
            sample(np.exp(spread * random.standard_normal(advised)) * level)
            for level in (1.0, ratio.ratio)
        ]
        settled += verdict_of(*again) != "too noisy"
    assert settled / 200 >= 0.7


def test_no_number_is_advised_where_none_would_do_or_nothing_is_known() -> None:
    wild = sample([100.0, 300, 30]), sample([101.0, 280, 40])
    assert processes_needed(log_ratio(*wild), *wild, 0.001) is None
    assert MOST_PROCESSES >= 100
    single = sample([100]), sample([101])
    assert processes_needed(log_ratio(*single), *single, 0.02) is None


def test_an_unknown_spread_leaves_no_certainty() -> None:
    nothing = LogRatio(0.5, math.inf, math.inf, "rounds")
    assert nothing.p_equal() == 1.0
    assert nothing.p_outside(0.02) == 0.5
