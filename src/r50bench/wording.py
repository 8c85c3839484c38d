"""How counts and figures are written: enough digits to compare, none that mean nothing."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

__all__ = [
    "counted",
    "figure",
    "first_few",
    "fixed",
    "look_again",
    "visible",
    "with_interval",
    "words_for",
]

_FINEST = 1e-5


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Returns ``1 instance`` or ``2 instances``; ``things`` where the plural does not add an s."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"


def first_few(words: Sequence[str], most: int = 5) -> str:
    """Returns the first of ``words`` and how many more there are: ``a, b and 3 more``."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def fixed(value: float, digits: int) -> str:
    """Returns ``value`` with ``digits`` significant digits at least, never with an exponent."""
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(0, digits - 1 - magnitude)}f}"


def figure(value: float) -> str:
    """Returns ``value`` with five significant digits, less the zeros at its end.

    ``184.31``, ``0.010851``, ``123456``, ``7.72``, ``20``.
    """
    text = fixed(value, 5)
    return text.rstrip("0").rstrip(".") if "." in text else text


def look_again(folder: object) -> str:
    """Returns the command that shows the figures of the records in ``folder``, fit for a shell."""
    return f"r50bench kpi {shlex.quote(str(folder))}"


def with_interval(value: float, half_width: float | None) -> str:
    """Returns ``184.3 ± 1.2``: the interval with two digits, the value to the same decimal.

    Without an interval the value has four digits, with an ever so narrow one it has no more than
    six: clocks do not support more.
    """
    if half_width is None:
        return fixed(value, 4)
    if half_width <= abs(value) * _FINEST:
        return f"{fixed(value, 4)} ± 0"
    decimals = max(0, 1 - math.floor(math.log10(half_width)))
    return f"{value:.{decimals}f} ± {half_width:.{decimals}f}"


def words_for(seconds: float) -> str:
    """Returns ``40 s``, ``3 min`` or ``2 h 10 min``."""
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def visible(text: str) -> str:
    """Returns ``text`` with each control character as Python would write it, such as ``\\x1b``.

    Line feeds and tabs stay, and so do lone surrogates, which are bytes of a file's name.
    """
    if text.isprintable():
        return text
    return "".join(
        sign
        if sign.isprintable() or sign in "\n\t" or "\ud800" <= sign <= "\udfff"
        else sign.encode("unicode_escape").decode()
        for sign in text
    )
