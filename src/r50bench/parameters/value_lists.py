"""Several values for a parameter: what ``--set`` may say where a whole grid is asked for.

The forms are those of the original workloads' ``ctest --set``:

``BATCH_SIZE=1 2 4``
    These values.
``STEPS=1000 1300 … 2000``
    An arithmetic range: 1000 1300 1600 1900. The end counts only where it is hit. ``...`` means
    the same, with or without blanks around it.
``BATCH_SIZE=1 2 4 … 64``
    A geometric range, since the three values before the dots grow by a factor. Of three values
    that grow by as much each time, or of two, the range is arithmetic.
``BATCH_SIZE=4 8 … 64 |16`` and ``… 48|``
    Only the values that 16 divides; only those that divide 48.
``BATCH_SIZE=1 2/CORES_PER_INSTANCE=1 2``
    The product of two parameters.

Values of words hold blanks where they are quoted as for a shell. CUSTOMER_ENV and PLATFORM take
one value, blanks and all; given again, a parameter has more values.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from r50bench.errors import UsageError
from r50bench.parameters import read_set
from r50bench.parameters.parameter import Parameter
from r50bench.parameters.table import PARAMETERS

__all__ = ["MOST_VALUES", "Axis", "expand_numbers", "read_axes"]

MOST_VALUES = 10_000
"""Longer ranges are taken for a slip."""

_DOTS = "..."
_KEYS = "|".join(parameter.key for parameter in PARAMETERS).replace("_", "[_-]")
_PRODUCT = re.compile(rf"/(?=\s*(?:{_KEYS})\s*=)", re.I)


@dataclass(frozen=True)
class Axis:
    """A parameter and the texts of its values, each different; at least one."""

    parameter: Parameter
    values: tuple[str, ...]


def read_axes(sets: Iterable[str]) -> tuple[tuple[Axis, ...], ...]:
    """Returns one group of axes for each text: one axis, or several joined by ``/``.

    A parameter that is given again adds its values to those it has. The values themselves are read
    by :func:`r50bench.parameters.collect`, which knows what is right for each.

    Raises:
        UsageError: no KEY=VALUE, an unknown key, or a range that cannot be.
    """
    places: dict[str, tuple[int, int]] = {}
    groups: list[list[Axis]] = []
    for text in sets:
        group: list[Axis] = []
        for part in _PRODUCT.split(text):
            axis = _read_axis(part)
            if axis.parameter.key in places:
                _extend([*groups, group], places[axis.parameter.key], axis)
                continue
            places[axis.parameter.key] = (len(groups), len(group))
            group.append(axis)
        if group:
            groups.append(group)
    return tuple(tuple(group) for group in groups)


def _extend(groups: Sequence[list[Axis]], place: tuple[int, int], more: Axis) -> None:
    group, index = groups[place[0]], place[1]
    values = dict.fromkeys([*group[index].values, *more.values])
    group[index] = Axis(more.parameter, tuple(values))


def _read_axis(text: str) -> Axis:
    parameter, value = read_set(text, "KEY=VALUES", 'BATCH_SIZE="1 2 4 … 64"')
    try:
        values = _values(parameter, value.strip())
    except ValueError as error:
        raise UsageError(
            f"--set {parameter.key}={value.strip()}: {error}",
            hint='lists and ranges are "1 2 4", "4 8 … 64" and "1 2 4 … 64"',
        ) from None
    return Axis(parameter, tuple(dict.fromkeys(values)))


def _values(parameter: Parameter, text: str) -> Sequence[str]:
    if not text or parameter.reader.kind == "text":
        return [text]
    if parameter.is_number:
        return [str(number) for number in expand_numbers(text)]
    words = shlex.split(text)
    if _DOTS in words or "…" in words:
        raise ValueError(f"a range needs numbers, and {parameter.key} takes words")
    return words


def expand_numbers(text: str) -> tuple[int, ...]:
    """Returns the whole numbers that a list with ranges and filters means, each once.

    Raises:
        ValueError: with what is wrong, worded to follow ``BATCH_SIZE=1 … 4:``.
    """
    numbers: list[int] = []
    divisors: list[int] = []
    multiples: list[int] = []
    words = iter(re.sub(r"\s*(?:\.\.\.|…)\s*", f" {_DOTS} ", text).split())
    for word in words:
        if word == _DOTS:
            numbers += _continued(numbers, _number(next(words, "nothing"), "the end of a range"))
        elif word.startswith("|"):
            divisors.append(_number(word[1:], "a divisor"))
        elif word.endswith("|"):
            multiples.append(_number(word[:-1], "a multiple"))
        else:
            numbers.append(_number(word, "a value"))
    if not numbers:
        raise ValueError("there is no value")
    if 0 in divisors:
        raise ValueError("nothing is divided by 0")
    kept = [
        number
        for number in dict.fromkeys(numbers)
        if all(number % divisor == 0 for divisor in divisors)
        and all(number != 0 and multiple % number == 0 for multiple in multiples)
    ]
    if not kept:
        raise ValueError("no value is left by the filters")
    return tuple(kept)


def _number(word: str, role: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]+", word) is None:
        raise ValueError(f"{word!r} is no whole number, as {role} must be")
    return int(word)


def _continued(before: Sequence[int], end: int) -> list[int]:
    """Returns what follows ``before`` up to ``end``, by what its last two or three values say."""
    last = before[-3:]
    if len(last) < 2:
        raise ValueError("a range needs two values or three before the dots")
    steps = [right - left for left, right in itertools.pairwise(last)]
    if len(set(steps)) == 1:
        return _arithmetic(last[-1], steps[0], end)
    if 0 not in last and last[1] * last[1] == last[0] * last[2]:
        return _geometric(last[-1], Fraction(last[2], last[1]), end)
    raise ValueError(
        f"{' '.join(map(str, last))} … neither grow by as much each time nor by a factor"
    )


def _arithmetic(last: int, step: int, end: int) -> list[int]:
    if step == 0 or (end - last) * step < 0:
        raise ValueError(f"the range never comes to {end}")
    if (end - last) // step > MOST_VALUES:
        raise _too_long(end)
    return list(range(last + step, end + (1 if step > 0 else -1), step))


def _geometric(last: int, factor: Fraction, end: int) -> list[int]:
    """``factor`` is neither 0 nor 1; below 0 the signs alternate, which nothing here needs."""
    if factor < 0 or (abs(end) - abs(last)) * (factor - 1) < 0 or end * last < 0:
        raise ValueError(f"the range never comes to {end}")
    numbers: list[int] = []
    value = last * factor
    while (abs(value) <= abs(end)) if factor > 1 else (abs(value) >= abs(end) and value != 0):
        if value.denominator != 1:
            break  # as 27 9 3 1 has no whole number after it
        numbers.append(int(value))
        if len(numbers) > MOST_VALUES:
            raise _too_long(end)
        value *= factor
    return numbers


def _too_long(end: int) -> ValueError:
    return ValueError(f"the range to {end} has more than {MOST_VALUES:,} values")
