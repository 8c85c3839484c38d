"""The points of a grid and their order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.errors import UsageError
from r50bench.parameters.value_lists import read_axes
from r50bench.sweep.grid import full_grid, measuring_order, side_by_side

BATCHES, CORES = "BATCH_SIZE=1 2 4", "CORES_PER_INSTANCE=1 2"


def pairs(points: list[tuple[tuple[str, str], ...]]) -> list[tuple[str, ...]]:
    return [tuple(text for _, text in point) for point in points]


def test_the_full_grid_is_every_combination_the_last_axis_fastest() -> None:
    assert pairs(full_grid(read_axes([BATCHES, CORES]))) == [
        ("1", "1"), ("1", "2"), ("2", "1"), ("2", "2"), ("4", "1"), ("4", "2"),
    ]  # fmt: skip
    assert full_grid(read_axes([f"{BATCHES}/{CORES}"])) == full_grid(read_axes([BATCHES, CORES]))


def test_side_by_side_begins_the_shorter_list_anew() -> None:
    assert pairs(side_by_side(read_axes([BATCHES, CORES]))) == [("1", "1"), ("2", "2"), ("4", "1")]


def test_side_by_side_keeps_products_together() -> None:
    points = side_by_side(read_axes([f"{BATCHES}/{CORES}", "STEPS=10 20"]))
    assert pairs(points) == [
        ("1", "1", "10"), ("1", "2", "20"), ("2", "1", "10"),
        ("2", "2", "20"), ("4", "1", "10"), ("4", "2", "20"),
    ]  # fmt: skip


def test_a_grid_beyond_reason_is_refused() -> None:
    with pytest.raises(UsageError, match="25,000,000 points"):
        full_grid(read_axes(["BATCH_SIZE=1 2 … 5000", "STEPS=1 2 … 5000"]))


@given(st.integers(1, 40), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_every_pass_measures_every_point_once(points: int, passes: int, seed: int) -> None:
    order = measuring_order(points, passes, seed)
    assert [number for number, _ in order] == sorted(number for number, _ in order)
    assert Counter(order) == {(a, b): 1 for a in range(passes) for b in range(points)}
    assert order == measuring_order(points, passes, seed)


@given(st.integers(2, 40), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_over_two_passes_a_steady_drift_strikes_all_points_alike(
    points: int, double_passes: int, seed: int
) -> None:
    order = measuring_order(points, 2 * double_passes, seed)
    when = Counter[int]()
    for time, (_, point) in enumerate(order):
        when[point] += time
    assert len(set(when.values())) == 1
