"""The Pareto front."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from r50bench.sweep.pareto import pareto_front

Point = tuple[int, int]
POINTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=40)


def front(points: list[Point]) -> list[Point]:
    return pareto_front(points, cost=lambda one: one[0], worth=lambda one: one[1])


def beats(one: Point, other: Point) -> bool:
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@given(POINTS)
def test_no_point_beats_one_of_the_front(points: list[Point]) -> None:
    assert not any(beats(one, ahead) for one in points for ahead in front(points))


@given(POINTS)
def test_every_other_point_is_beaten_by_one_of_the_front(points: list[Point]) -> None:
    ahead = front(points)
    assert all(one in ahead or any(beats(other, one) for other in ahead) for one in points)


@given(POINTS)
def test_the_front_rises_in_cost_and_in_worth(points: list[Point]) -> None:
    ahead = front(points)
    assert all(one[0] < after[0] and one[1] < after[1] for one, after in pairwise(ahead))


@given(POINTS, st.randoms())
def test_the_front_does_not_depend_on_the_order(points: list[Point], random: object) -> None:
    shuffled = list(points)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert front(shuffled) == front(points)
