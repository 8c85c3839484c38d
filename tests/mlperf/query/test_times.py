"""Times in queries."""

from __future__ import annotations

import pytest

from r50bench.errors import UsageError
from r50bench.mlperf.query.times import read_period

NOON = "2026-11-28T12:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("2026-11-28", "= <= >="),
        ("2026-11", "= <= >="),
        ("2026", "= <= >="),
        ("2026-11-28T12", "= <= >="),
        ("2026-11-28 12:00", "= <= >="),
        ("2026-11-28T12:00:00.75Z", "= <= >="),
        ("2026-11-28T14:00:00+02:00", "= <= >="),
        ("2026-11-28T06:30-0530", "= <= >="),
        ("2026-11-27", "!= > >="),
        ("2026-11-28T12:00:00+02:00", "!= > >="),
        ("2026-11-28T11:59", "!= > >="),
        ("2026-12", "!= < <="),
        ("2026-11-28T12:00:01", "!= < <="),
        ("2026-11-28T12:00:00-01", "!= < <="),
    ],
)
def test_a_time_is_as_fine_as_it_is_given_and_of_utc_without_a_zone(text: str, signs: str) -> None:
    period = read_period(text)
    every = ("=", "!=", "<", "<=", ">", ">=")
    assert [sign for sign in every if period.holds(sign, NOON)] == [
        sign for sign in every if sign in signs.split()
    ]
    assert str(period) == text


def test_times_of_records_are_compared_by_their_zone_too() -> None:
    day = read_period("2026-11-28")
    assert day.holds("=", "2026-11-29T01:00:00+02:00")
    assert day.holds("=", "2026-11-28T23:59:59Z")
    assert day.holds("=", "2026-11-28T23:59:59")
    assert not day.holds("=", "2026-11-28T23:00:00-02:00")


@pytest.mark.parametrize("created", ["", "soon"])
def test_of_what_is_no_time_only_unequal_holds(created: str) -> None:
    period = read_period("2026-11-28")
    assert period.holds("!=", created)
    assert not any(period.holds(sign, created) for sign in ("=", "<", "<=", ">", ">="))


@pytest.mark.parametrize(
    "text",
    ["yesterday", "01/11/2027", "2026-13-01", "2026-02-30", "9999", "9999-12-31", "0000-01-01",
     "2026-11-28T25:00", "2026-11-28T10:00+99:00", "2026-1-2", "٢٠٢٦-11-28"],
)  # fmt: skip
def test_what_is_no_time_in_iso_8601_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time in ISO 8601"):
        read_period(text)
