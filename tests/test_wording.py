from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.wording import counted, figure, fixed, look_again, with_interval


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (184.3149, "184.31"),
        (0.0108512, "0.010851"),
        (123456.7, "123457"),
        (7.72, "7.72"),
        (20, "20"),
        (100.0, "100"),
        (0, "0"),
        (-3.25, "-3.25"),
    ],
)
def test_a_figure_has_five_significant_digits(value: float, text: str) -> None:
    assert figure(value) == text


@given(st.floats(1e-9, 1e12))
def test_a_figure_is_near_its_value_and_has_no_exponent(value: float) -> None:
    assert float(figure(value)) == pytest.approx(value, rel=1e-4)
    assert "e" not in figure(value)


@pytest.mark.parametrize(
    ("value", "half_width", "text"),
    [
        (184.349, 1.23, "184.3 ± 1.2"),
        (184.349, 0.0523, "184.349 ± 0.052"),
        (13460.4, 250, "13460 ± 250"),
        (184.349, None, "184.3"),
        (184.349, 0, "184.3 ± 0"),
        (16000.000000000004, 1.1e-11, "16000 ± 0"),
    ],
)
def test_the_interval_decides_how_many_digits_are_shown(
    value: float, half_width: float | None, text: str
) -> None:
    assert with_interval(value, half_width) == text


def test_fixed_keeps_zeros_so_that_columns_line_up() -> None:
    assert [fixed(value, 4) for value in (20.0, 19.756)] == ["20.00", "19.76"]


def test_one_thing_is_singular_and_all_other_numbers_are_plural() -> None:
    assert [counted(number, "core") for number in (0, 1, 2)] == ["0 cores", "1 core", "2 cores"]


@pytest.mark.parametrize("folder", ["runs/a", 'my runs/it\'s "mine"', "$HOME `x` ü", "a;b"])
def test_the_line_to_look_again_with_is_read_by_a_shell_as_it_is_meant(folder: str) -> None:
    assert shlex.split(look_again(Path(folder))) == ["r50bench", "kpi", folder]
