from __future__ import annotations

import numpy as np
import pytest

from r50bench.history.chart import chart_lines, sparkline


@pytest.mark.parametrize(
    ("figures", "line"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"),
        ([100, 90], "█▁"),
        ([5, 5, 5], "▄▄▄"),
        ([7], "▄"),
    ],
)
def test_a_sparkline_has_a_bar_a_figure(figures: list[float], line: str) -> None:
    assert sparkline(np.array(figures, float), 10) == line


def test_more_figures_than_fit_are_medians_of_neighbours() -> None:
    figures = np.array([1] * 50 + [1000] + [1] * 49 + [2] * 100, float)
    assert sparkline(figures, 4) == "▁▁██"


def test_a_chart_has_a_dot_a_figure_between_its_extremes_and_an_upright_at_a_change() -> None:
    figures = np.array([100, 101, 100, 90, 91, 90], float)
    lines = chart_lines(figures, [3], ("2026-01-01", "2026-01-06"), 40, height=3)
    assert lines == [
        "101 ┤•••│",
        "    ┤   │",
        " 90 ┤   •••",
        "     2026-01-01 2026-01-06",
    ]


def test_equal_figures_are_one_line() -> None:
    assert chart_lines(np.array([5.0, 5.0]), [], ("a", "b"), 20) == ["5 ┤••", "   a b"]


def test_a_chart_keeps_to_its_width() -> None:
    figures = np.linspace(100, 200, 1000)
    lines = chart_lines(figures, [500], ("2026-01-01", "2026-01-06"), 60)
    assert max(map(len, lines)) <= 60
    assert {line.index("│") for line in lines if "│" in line} == {32}


def test_figures_that_differ_in_the_last_digit_alone_are_drawn_as_equal() -> None:
    figures = np.array([7960.2, 7960.2 * (1 + 1e-15)])
    assert figures[0] != figures[1]
    assert sparkline(figures, 10) == "▄▄"
    assert chart_lines(figures, [], ("a", "b"), 20) == ["7960.2 ┤••", "        a b"]
