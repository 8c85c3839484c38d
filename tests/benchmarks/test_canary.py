"""What pairs with and without a neighbour come to, and the looks of known work."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("canary")


def pair(script, undisturbed: float | None, experienced: float = 0.7):
    alone = script.Figures(100.0, 110.0, 80, 100, 0.9, 0)
    ratio = None if undisturbed is None else 110.0 * undisturbed
    return script.Pair(alone, script.Figures(100.0 * experienced, ratio, 30, 100, 0.9, 60))


@pytest.mark.parametrize(
    ("ratios", "moved", "met", "said"),
    [
        ([1.01, 0.99, 1.005], 0.7, True, "3 beside: 1.0050 (0.990 to 1.010"),
        ([0.97, 0.96, 0.99], 0.7, False, "MISS"),
        ([1.0, 1.0, 1.0], 0.95, False, "MISS"),
        ([1.0, None, None], 0.7, False, "OPEN"),
        ([1.0, 1.0, None, 1.01], 0.7, True, "in 4 of 4 rounds without and 3 beside"),
    ],
)
def test_undisturbed_figures_must_stay_where_experienced_ones_move(
    script, capsys, ratios, moved, met, said
) -> None:
    assert script.judged("x", [pair(script, one, moved) for one in ratios]) is met
    assert said in capsys.readouterr().out
