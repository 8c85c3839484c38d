"""How often change points are wrong, by simulation, and what a change says of itself."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from r50bench.history.change_points import LASTING, ChangePoint, change_points
from r50bench.results.stats import Floats

Noise = Callable[[np.random.Generator, int], Floats]

NEAR = 10
"""Alarms not further apart are one: as runs are added, the place of a change is seen better."""


def normal(random: np.random.Generator, count: int) -> Floats:
    return random.normal(size=count)


def heavy_tails(random: np.random.Generator, count: int) -> Floats:
    """Student's t with three degrees of freedom, of variance 1."""
    return random.standard_t(3, size=count) / math.sqrt(3)


def disturbed(random: np.random.Generator, count: int) -> Floats:
    """One run in twenty lies 10 to 30 deviations low, as beside somebody else's work."""
    noise = random.normal(size=count)
    hit = random.random(count) < 0.05
    noise[hit] -= random.uniform(10, 30, size=int(hit.sum()))
    return noise


def correlated(random: np.random.Generator, count: int) -> Floats:
    """Neighbours resemble each other by 0.3, of variance 1."""
    steps = random.normal(size=count + 20)
    noise = np.zeros(count + 20)
    for at in range(1, count + 20):
        noise[at] = 0.3 * noise[at - 1] + steps[at]
    return noise[20:] * math.sqrt(1 - 0.3**2)


def history_with(
    noise: Noise, seed: int, before: int, after: int = 0, step: float = 0.0, spread: float = 0.01
) -> Floats:
    """Makes figures about 100; the last ``after`` of them lie a share ``step`` higher."""
    random = np.random.default_rng([2020, seed])
    figures = 100 * np.exp(spread * noise(random, before + after))
    figures[before:] *= 1 + step
    return figures


def alarms(figures: Floats) -> int:
    """Counts the change points told to somebody who looks after every run."""
    told: list[int] = []
    for count in range(1, len(figures) + 1):
        for point in change_points(figures[:count]):
            if all(abs(point.at - other) > NEAR for other in told):
                told.append(point.at)
    return len(told)


@pytest.mark.parametrize(
    ("noise", "spread"),
    [(normal, 0.01), (normal, 0.14), (heavy_tails, 0.01), (disturbed, 0.01), (correlated, 0.01)],
)
def test_a_history_without_changes_raises_at_most_one_alarm_in_200_runs(
    noise: Noise, spread: float
) -> None:
    histories = 8
    total = sum(alarms(history_with(noise, seed, 200, spread=spread)) for seed in range(histories))
    assert total <= histories


@pytest.mark.parametrize("noise", [normal, heavy_tails])
@pytest.mark.parametrize("step", [0.03, -0.03])
def test_a_lasting_step_of_3_per_cent_is_found_within_5_runs(noise: Noise, step: float) -> None:
    tries, before = 150, 20
    found = 0
    for seed in range(tries):
        figures = history_with(noise, seed, before, 5, step)
        looks = (change_points(figures[: before + seen]) for seen in range(1, 6))
        found += any(abs(point.at - before) <= 2 for points in looks for point in points)
    assert found >= 0.9 * tries


def by_calls(seed: int, before: int, after: int = 0, step: float = 0.0) -> tuple[Floats, Floats]:
    """Makes calls of five processes, which share what their call met: points, and all figures.

    Calls differ by 1 %, processes of one call by 0.5 %.
    """
    random = np.random.default_rng([2021, seed])
    calls = 0.01 * random.normal(size=before + after)
    calls[before:] += math.log1p(step)
    processes = calls[:, None] + 0.005 * random.normal(size=(before + after, 5))
    return 100 * np.exp(processes.mean(axis=1)), 100 * np.exp(processes.ravel())


def test_processes_that_share_their_call_raise_alarms_one_by_one_and_none_as_points() -> None:
    histories = 8
    points, figures = zip(*(by_calls(seed, 200) for seed in range(histories)), strict=True)
    assert sum(map(alarms, points)) <= histories
    # As many figures of the same histories, taken one by one.
    assert sum(alarms(one[:200]) for one in figures) > 3 * histories


def test_a_lasting_step_is_found_within_5_calls_of_several_processes() -> None:
    tries, before = 150, 20
    found = 0
    for seed in range(tries):
        points, _ = by_calls(seed, before, 5, -0.03)
        looks = (change_points(points[: before + seen]) for seen in range(1, 6))
        found += any(abs(point.at - before) <= 2 for told in looks for point in told)
    assert found >= 0.9 * tries


def test_its_size_lies_within_the_interval() -> None:
    tries, held = 200, 0
    for seed in range(tries):
        points = change_points(history_with(normal, seed, 40, 40, -0.1))
        ratio = min(points, key=lambda point: abs(point.at - 40)).ratio
        assert ratio.low is not None
        assert ratio.high is not None
        held += ratio.low <= 0.9 <= ratio.high
    assert held >= 0.92 * tries


def test_several_changes_are_told_apart_also_where_the_first_is_undone() -> None:
    parts = [history_with(normal, seed, 30) * level for seed, level in enumerate((1, 1.1, 1, 0.8))]
    points = change_points(np.concatenate(parts))
    assert [round(point.at, -1) for point in points] == [30, 60, 90]
    assert [point.ratio.value for point in points] == pytest.approx([1.1, 1 / 1.1, 0.8], rel=0.01)
    assert sum(points[0].runs) in range(55, 66)


@pytest.mark.parametrize("length", range(1, LASTING))
def test_a_spell_that_passes_is_no_change(length: int) -> None:
    figures = history_with(normal, 0, 60)
    figures[30 : 30 + length] *= 0.5
    assert change_points(figures) == ()


def test_a_share_that_is_ever_the_same_changes_once() -> None:
    assert change_points(np.array([95.0] * 30)) == ()
    (point,) = change_points(np.array([95.0] * 10 + [90.0] * 5))
    assert (point.at, point.runs) == (10, (10, 5))
    assert point.ratio.value == pytest.approx(90 / 95)
    assert point.ratio.low == pytest.approx(point.ratio.high)


@pytest.mark.parametrize("count", [0, 1, 2, 11])
def test_too_few_figures_say_nothing(count: int) -> None:
    assert change_points(np.linspace(1, 100, count)) == ()


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan])
def test_figures_without_a_ratio_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        change_points(np.array([1.0] * 20 + [wrong]))


def test_a_change_point_is_where_the_new_level_begins() -> None:
    figures = np.concatenate([history_with(normal, 1, 20), history_with(normal, 2, 20) * 2])
    (point,) = change_points(figures)
    assert isinstance(point, ChangePoint)
    assert point.at == 20
