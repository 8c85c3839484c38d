"""When a record says that it was disturbed."""

from __future__ import annotations

import pytest

from r50bench.results.disturbance import disturbance


@pytest.mark.parametrize("share", [None, 0.0, 0.0299])
def test_little_lost_time_or_none_known_is_not_worth_a_word(share: float | None) -> None:
    assert disturbance(share) is None


def test_much_lost_time_is_said_with_its_share() -> None:
    notice = disturbance(0.336)
    assert notice is not None
    assert notice.code == "disturbed"
    assert "33.6 % of the measured time" in notice.text
