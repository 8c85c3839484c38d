"""How long the rest of a sweep will take."""

from __future__ import annotations

import pytest

from r50bench.sweep.time_left import TimeLeft
from r50bench.wording import words_for
from support.records import case_of


def test_nothing_is_promised_before_anything_is_done() -> None:
    assert TimeLeft().seconds([case_of()]) is None


def test_the_first_session_stands_for_all_others() -> None:
    left = TimeLeft()
    left.learn(case_of(), 3.0)
    assert left.seconds([case_of(), case_of()]) == pytest.approx(6.0)


def test_more_work_takes_longer_once_that_was_seen() -> None:
    left = TimeLeft()
    left.learn(case_of(batch_size=1), 2.0)
    left.learn(case_of(batch_size=16), 10.0)
    small, large = left.seconds([case_of(batch_size=2)]), left.seconds([case_of(batch_size=64)])
    assert small is not None
    assert large is not None
    assert 2.0 < small < 4.0
    assert 20.0 < large < 50.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "5 s"), (42, "40 s"), (100, "2 min"), (3600, "60 min"), (7800, "2 h 10 min")],
)
def test_times_are_rounded_as_people_say_them(seconds: float, words: str) -> None:
    assert words_for(seconds) == words
