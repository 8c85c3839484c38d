"""Which of several values do not belong to the others."""

from __future__ import annotations

import numpy as np
import pytest

from r50bench.results.outliers import outlying


def test_one_far_from_eleven_others_is_found() -> None:
    values = np.array([1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0, 1.0, 0.91])
    assert outlying(values) == (11,)


def test_two_do_not_hide_each_other() -> None:
    values = np.array([1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0, 0.8, 0.79])
    assert outlying(values) == (11, 10)


def test_two_halves_are_two_kinds_and_not_outliers() -> None:
    assert outlying(np.array([1.0, 1.01, 0.99, 1.0, 0.8, 0.81, 0.79, 0.8])) == ()


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0, 1.0, 9.0]])
def test_of_fewer_than_four_none_is_odd(values: list[float]) -> None:
    assert outlying(np.array(values)) == ()


def test_equal_ones_are_alike_and_one_other_is_odd() -> None:
    assert outlying(np.full(12, 7.4)) == ()
    assert outlying(np.array([7.4] * 11 + [7.3])) == (11,)


@pytest.mark.parametrize(("count", "most"), [(4, 0.06), (6, 0.05), (12, 0.05), (30, 0.05)])
def test_of_alike_ones_none_is_called_odd_in_95_of_100_fleets(count: int, most: float) -> None:
    random = np.random.default_rng(0)
    fleets = random.normal(size=(4000, count))
    alarms = sum(bool(outlying(fleet)) for fleet in fleets)
    assert alarms / len(fleets) < most


def test_one_that_is_five_deviations_away_is_found_among_twelve_in_seven_of_ten_fleets() -> None:
    random = np.random.default_rng(1)
    fleets = random.normal(size=(1000, 12))
    fleets[:, 3] -= 5.0
    assert sum(outlying(fleet)[:1] == (3,) for fleet in fleets) > 700
