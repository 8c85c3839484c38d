"""Simulated processes scatter as the measured ones they are made from, and are judged like them."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from r50bench.comparison.side import MeasuredRun
from support.measured_runs import run_of

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def scripts():
    """The benchmarks compare_aa, compare_ab and the module both simulate with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        names = ("simulated_runs", "compare_aa", "compare_ab")
        yield [importlib.import_module(name) for name in names]


def measured(spread: float = 0.05, within: float = 0.01, count: int = 40) -> list[MeasuredRun]:
    """Runs about 100 images/s whose own intervals know ``within`` alone."""
    values = 100 * np.exp(spread * np.random.default_rng(7).normal(size=count))
    return [run_of(value, half_width=1.96 * within * value) for value in values]


def test_variance_and_mean_are_those_of_the_measured_runs(scripts) -> None:
    runs = measured()
    logs = np.log([run.primary.value for run in runs])
    scatter = scripts[0].Scatter.of(runs)
    made = scatter.processes(np.random.default_rng(1), 4000)
    simulated = np.log([run.primary.value for run in made])
    assert np.std(simulated) == pytest.approx(np.std(logs), rel=0.06)
    assert np.mean(simulated) == pytest.approx(np.mean(logs), abs=0.004)
    assert len({run.record.id for run in made}) == 4000
    slower = scatter.processes(np.random.default_rng(1), 4000, ratio=0.9)
    assert slower[0].primary.value == pytest.approx(0.9 * made[0].primary.value)


def test_two_heaps_stay_two_heaps(scripts) -> None:
    runs = [run_of(value, half_width=0.5) for value in (100.0, 101.0, 50.0, 50.5) * 5]
    made = scripts[0].Scatter.of(runs).processes(np.random.default_rng(1), 500)
    values = np.array([run.primary.value for run in made])
    assert np.mean((values > 45) & (values < 55)) == pytest.approx(0.5, abs=0.1)
    assert not np.any((values > 60) & (values < 90))


def test_runs_without_intervals_are_refused(scripts) -> None:
    with pytest.raises(ValueError, match="tells nothing"):
        scripts[0].Scatter.of([run_of(100), run_of(101)])


def test_equal_sides_are_told_apart_in_5_of_100_at_most_and_single_intervals_miss(
    scripts, capsys: pytest.CaptureFixture[str]
) -> None:
    _, aa, _ = scripts
    scatter = scripts[0].Scatter.of(measured())
    assert aa._judge_simulated(scatter, 300) <= 0.07  # 300 draws of a share of 0.05
    printed = capsys.readouterr().out
    share = int(printed.split("holds the true mean in ")[1].split()[0])
    assert share < 50  # they know a fifth of the spread


def test_contests_are_simulated_from_the_spread_of_their_pairs(scripts) -> None:
    *_, ab = scripts
    random = np.random.default_rng(3)
    fought = [
        ab.Fought(idle, tuple(0.01 * random.normal(size=6) - np.log1p(idle)), 1, 1, 1, "same", 30.0)
        for idle in (0.03, 0.0) * 6
    ]
    usual = {"budget": 60.0, "idle": 0.03, "simulate": 200, "spread": None, "pair_seconds": None}
    asked = type("Asked", (), usual)
    found, held, in_vain = ab._goals(ab._simulated(asked, fought))
    assert (found.of, held.of, in_vain.of) == (200, 400, 200)
    assert not any(goal.missed() for goal in (found, held, in_vain))
    restless = type("Asked", (), usual | {"spread": 0.05})
    assert ab._goals(ab._simulated(restless, fought))[0].missed()
    elsewhere = type("Asked", (), usual | {"spread": 0.005, "pair_seconds": 10.0})
    assert not ab._goals(ab._simulated(elsewhere, []))[0].missed()
