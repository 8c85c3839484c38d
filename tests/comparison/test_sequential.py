"""Looking after each pair: how often that errs, by simulation, and when it stops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from r50bench.comparison.sequential import FIRST_LOOK, MOST_PAIRS, Look, Looks, nominal_level

SERIES = 500


def run(random: np.random.Generator, most: int, spread: float, true: float = 1.0) -> Look:
    """Looks after each pair until it is over; pairs scatter by ``spread`` about ``true``."""
    looks, logs = Looks(most, 0.02, more_is_better=True), [0.0] * 0
    while True:
        logs.append(math.log(true) + spread * random.standard_normal())
        look = looks.look(logs)
        if looks.is_over(look):
            return look


@pytest.mark.parametrize("most", [4, 10, 20])
@pytest.mark.parametrize("spread", [0.14, 0.02])
def test_equal_sides_are_told_apart_in_at_most_one_series_of_twenty(
    most: int, spread: float
) -> None:
    random = np.random.default_rng(most)
    wrong = sum(run(random, most, spread).verdict in ("faster", "slower") for _ in range(SERIES))
    assert wrong / SERIES <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / SERIES)


def test_one_look_after_each_pair_at_five_per_cent_would_err_far_more_often() -> None:
    """What the boundary is for: the same series, looked at without it."""
    random = np.random.default_rng(0)
    logs = random.standard_normal((SERIES, 20))
    wrong = sum(
        any(stats.ttest_1samp(row[:count], 0).pvalue < 0.05 for count in range(3, 21))
        for row in logs[:150]
    )
    assert wrong / 150 > 0.15


@pytest.mark.parametrize("most", [5, 20])
def test_three_per_cent_are_found_in_nine_series_of_ten(most: int) -> None:
    random = np.random.default_rng(3)
    looks = [run(random, most, 0.01, 1 / 1.03) for _ in range(SERIES)]
    assert sum(look.verdict == "slower" for look in looks) / SERIES >= 0.90
    held = sum(_holds(look, 1 / 1.03) for look in looks)
    assert held / SERIES >= 0.93


def test_repeated_intervals_hold_the_true_ratio_when_it_is_stopped() -> None:
    random = np.random.default_rng(4)
    for spread in (0.005, 0.02, 0.14):
        held = sum(_holds(run(random, 8, spread, 0.99), 0.99) for _ in range(SERIES))
        assert held / SERIES >= 0.93


def test_sides_that_differ_by_the_tolerance_are_seldom_called_the_same() -> None:
    random = np.random.default_rng(5)
    wrong = sum(run(random, 20, 0.01, 0.98).verdict == "same" for _ in range(SERIES))
    assert wrong / SERIES <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / SERIES)


def test_the_level_of_one_look_is_that_of_one_test_and_falls_with_every_other() -> None:
    levels = [nominal_level(most) for most in (FIRST_LOOK, 4, 6, 12, MOST_PAIRS)]
    assert levels[0] == pytest.approx(0.05, abs=0.002)
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] > 0.05 / (MOST_PAIRS - FIRST_LOOK + 1)  # dearer than that it cannot be


def test_there_is_no_verdict_before_the_first_look_and_none_after_the_last() -> None:
    looks = Looks(4, 0.02, more_is_better=True)
    early = looks.look([-0.5, -0.5])
    assert (early.verdict, early.ratio.low, looks.is_over(early)) == ("too noisy", None, False)
    noisy = looks.look([0.1, -0.1, 0.2, -0.2])
    assert (noisy.verdict, looks.is_over(noisy)) == ("too noisy", True)
    assert Looks(1, 0.02, more_is_better=True).most == FIRST_LOOK
    assert Looks(999, 0.02, more_is_better=True).most == MOST_PAIRS


@pytest.mark.parametrize(
    ("logs", "more_is_better", "verdict"),
    [
        ([-0.030, -0.031, -0.030], True, "slower"),
        ([-0.030, -0.031, -0.030], False, "faster"),
        ([0.001, 0.000, 0.001], True, "same"),
        ([-0.03, -0.03, -0.03], True, "slower"),
    ],
)
def test_a_certain_verdict_ends_it(logs: list[float], more_is_better: bool, verdict: str) -> None:
    looks = Looks(20, 0.02, more_is_better=more_is_better)
    look = looks.look(logs)
    assert (look.verdict, looks.is_over(look)) == (verdict, True)


def test_what_is_open_says_how_many_pairs_would_tell() -> None:
    looks = Looks(4, 0.02, more_is_better=True)
    few = looks.pairs_needed([-0.02, -0.05, -0.03, 0.0])
    assert few is not None
    assert few > 4
    assert looks.pairs_needed([-0.02]) is None
    assert looks.pairs_needed([1.0, -1.0, 1.0, -1.0]) is None


def _holds(look: Look, true: float) -> bool:
    assert look.ratio.low is not None
    assert look.ratio.high is not None
    return look.ratio.low <= true <= look.ratio.high
