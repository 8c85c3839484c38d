"""Differences in words."""

from __future__ import annotations

import pytest

from r50bench.report.differing import difference_lines, said
from r50bench.results.differences import Difference


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "unknown"),
        ("", "none"),
        ([], "none"),
        (["performance", "powersave"], "performance powersave"),
        ((("OMP_PLACES", "cores"),), "OMP_PLACES=cores"),
        (True, "True"),
    ],
)
def test_a_value_is_said_in_words(value: object, words: str) -> None:
    assert said(value) == words


def test_a_difference_is_a_line() -> None:
    lines = difference_lines([Difference("host kernel", "6.1", "6.8")])
    assert lines == ["host kernel: 6.1 -> 6.8"]
