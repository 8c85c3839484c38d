"""Times in queries: as fine as they are given, so that a day is all of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from r50bench.errors import UsageError

__all__ = ["Period", "read_period"]

_TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.\d+)?)?)?"
    r"(Z|[+-]\d\d(?::?\d\d)?)?)?)?)?",
    re.ASCII,
)
_EVER = 2**62
_FIRST = (1, 1, 1, 0, 0, 0)
_FROM_DAYS_ON = (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))


@dataclass(frozen=True)
class Period:
    """The whole seconds since 1970 (UTC) from ``start`` to before ``end``, and how it was given."""

    start: int
    end: int
    text: str = field(default="", compare=False)

    def bounds(self, sign: str) -> tuple[int, int]:
        """Returns from which second on, and before which, ``sign`` holds; of ``!=``, does not."""
        low = {">": self.end, "<": -_EVER, "<=": -_EVER}.get(sign, self.start)
        high = {"<": self.start, ">": _EVER, ">=": _EVER}.get(sign, self.end)
        return low, high

    def holds(self, sign: str, created: str) -> bool:
        """Whether ``created``, a time in ISO 8601, is within (=), before (<) or after it (>).

        Of what is no time, only ``!=`` holds.
        """
        try:
            when = _seconds(datetime.fromisoformat(re.sub("Z$", "+00:00", created)))
        except ValueError:
            return sign == "!="
        low, high = self.bounds(sign)
        return (low <= when < high) != (sign == "!=")

    def __str__(self) -> str:
        return self.text


def read_period(text: str) -> Period:
    """Reads a year, month, day, hour, minute or second in ISO 8601; without a zone it is UTC's.

    Fractions of a second are dropped, as records have none.

    Raises:
        UsageError: it is none.
    """
    try:
        start, end = _ends(text)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is no time in ISO 8601",
            hint="such as 2026-11-28, which is all of that day, or 2026-11-28T10:36:30+02:00",
        ) from None
    return Period(_seconds(start), _seconds(end), text)


def _ends(text: str) -> tuple[datetime, datetime]:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    *parts, zone = match.groups()
    given = [int(part) for part in parts if part is not None]
    year, month, day, hour, minute, second = (*given, *_FIRST[len(given) :])
    start = datetime(year, month, day, hour, minute, second, tzinfo=_zone(zone))
    if len(given) == 1:
        return start, start.replace(year=start.year + 1)
    if len(given) == 2:
        return start, (start + timedelta(days=31)).replace(day=1)
    return start, start + _FROM_DAYS_ON[len(given) - 3]


def _zone(text: str | None) -> timezone:
    if text in (None, "Z"):
        return timezone.utc
    assert text is not None
    digits = text[1:].replace(":", "").ljust(4, "0")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-away if text[0] == "-" else away)


def _seconds(when: datetime) -> int:
    """Returns the whole seconds since 1970; a time without a zone is UTC's."""
    known = when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)
    return int((known - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1))
