"""The arithmetic behind a race: what follows from heats, and how sure it is."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from r50bench.tune.race import Race


def heats(
    worth: dict[str, float], count: int, *, scatter: float = 0.0, seed: int = 0
) -> list[dict[str, float]]:
    """Returns heats of all names, each heat with a level of its own."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        level = math.exp(chance.gauss(0, 0.2))
        found.append(
            {name: level * one * math.exp(chance.gauss(0, scatter)) for name, one in worth.items()}
        )
    return found


def race_of(found: list[dict[str, float]]) -> Race[str]:
    race: Race[str] = Race()
    for heat in found:
        race.add(heat)
    return race


def difference(race: Race[str], one: str, other: str) -> tuple[float, float, float]:
    drawn = race.draws()
    values = drawn[one] - drawn[other]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(np.mean(values)), float(low), float(high)


def test_what_strikes_a_whole_heat_changes_no_comparison() -> None:
    race = race_of(heats({"a": 100.0, "b": 110.0}, 5))
    middle, low, high = difference(race, "b", "a")
    assert middle == pytest.approx(math.log(1.1), abs=2e-3)
    assert low < math.log(1.1) < high
    assert high - low < 0.1


def test_two_that_never_met_are_compared_by_a_third() -> None:
    race = race_of(heats({"a": 100.0, "b": 105.0}, 4) + heats({"b": 105.0, "c": 126.0}, 4, seed=1))
    assert difference(race, "c", "a")[0] == pytest.approx(math.log(1.26), abs=5e-3)


def test_a_round_that_a_neighbour_has_halved_counts_for_little() -> None:
    found = heats({"a": 100.0, "b": 103.0}, 6, scatter=0.003)
    found[2]["b"] *= 0.55
    assert difference(race_of(found), "b", "a")[0] == pytest.approx(math.log(1.03), abs=0.01)


def test_more_rounds_narrow_the_interval() -> None:
    few = difference(race_of(heats({"a": 1.0, "b": 1.0}, 3, scatter=0.01)), "a", "b")
    many = difference(race_of(heats({"a": 1.0, "b": 1.0}, 30, scatter=0.01)), "a", "b")
    assert many[2] - many[1] < 0.5 * (few[2] - few[1])


def test_the_interval_of_a_difference_holds_the_truth_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(200):
        found = heats({"a": 1.0, "b": 1.02, "c": 0.97}, 6, scatter=0.03, seed=seed)
        _, low, high = difference(race_of(found), "b", "a")
        hits += low < math.log(1.02) < high
    assert hits >= 186  # 93 % of 200
