"""What all drawings share."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from r50bench.report.svg import (
    drawing,
    legend,
    legend_rows,
    round_step,
    text,
    text_width,
    x_grid,
    y_grid,
)


def test_a_drawing_is_well_formed_and_named_whatever_its_words_are() -> None:
    parts = [
        text(1, 2, 'a <b> & "c"', style="faint", anchor="end"),
        *legend([("<x>", "#000")], 0, 10),
        *x_grid([(5.0, "5 ms")], 0, 9),
        *y_grid([(5.0, "5")], 0, 9),
    ]
    root = ET.fromstring(drawing('"so" & on', 100, 50, parts))
    assert root.get("aria-label") == '"so" & on'
    assert root.get("viewBox") == "0 0 100 50"
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ['"so" & on', 'a <b> & "c"', "<x>", "5 ms", "5"]


@pytest.mark.parametrize(
    ("longest", "most", "step"), [(10, 10, 1), (10, 8, 2), (0.37, 6, 0.1), (700, 7, 100), (9, 2, 5)]
)
def test_steps_are_round_and_not_too_many(longest: float, most: int, step: float) -> None:
    assert round_step(longest, most) == pytest.approx(step)


def test_a_legend_has_as_many_lines_as_its_names_need() -> None:
    named = [(word * 10, "#000") for word in "abcde"]
    assert [len(row) for row in legend_rows(named, 2 * (32 + text_width("a" * 10)))] == [2, 2, 1]
    assert [len(row) for row in legend_rows(named, 10)] == [1] * 5
    assert legend_rows([], 100) == []
