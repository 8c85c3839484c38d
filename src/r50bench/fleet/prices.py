"""What a node costs an hour, and what that makes an image cost."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from r50bench.errors import UsageError
from r50bench.fleet.plan import Seat
from r50bench.results.files import read_bounded
from r50bench.results.stats import Estimate

__all__ = ["images_per_price", "price_of", "read_prices"]

_SECONDS_AN_HOUR = 3600.0
_LARGEST = 1 << 20
_RATES = ("img/s", "samples/s")
_LINE = re.compile(r"(?P<name>.*\S)[\s,;]+(?P<price>[0-9.eE+-]+)")


def read_prices(path: Path) -> dict[str, float]:
    """Reads a line for each node or type of node: its name, a comma or blanks, the hourly price.

    Empty lines and those that begin with ``#`` say nothing.

    Raises:
        UsageError: there is no such file, or a line is none of these.
        RunFailed: the system refuses it.
    """
    try:
        lines = read_bounded(path, _LARGEST).decode().splitlines()
    except FileNotFoundError:
        raise UsageError(
            f"there is no file {path}", hint="a line a type: c7i.4xlarge 0.714"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text: {error}") from error
    prices: dict[str, float] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, price = _read(line, f"line {number} of {path}")
        if prices.get(name, price) != price:
            raise UsageError(f"line {number} of {path}: {name} has another price above")
        prices[name] = price
    return prices


def _read(line: str, where: str) -> tuple[str, float]:
    match = _LINE.fullmatch(line.strip())
    try:
        price = float(match["price"]) if match else math.nan
    except ValueError:
        price = math.nan
    if match is None or not (0 < price < math.inf):
        raise UsageError(
            f"{where} is no name and price: {line.strip()!r}", hint="such as: c7i.4xlarge 0.714"
        )
    return match["name"].strip(" ,;"), price


def price_of(seat: Seat, prices: Mapping[str, float]) -> float | None:
    """Returns the node's hourly price, by the first of its names that has one.

    These are its title, its own name, its labels' values, its cloud's type, its platform.
    """
    return next((prices[name] for name in _names(seat) if name in prices), None)


def _names(seat: Seat) -> Iterator[str]:
    yield seat.title
    yield seat.node.name
    yield from seat.node.labels.values()
    yield seat.survey.host.machine
    yield seat.survey.host.machine.rpartition(" ")[2]
    yield seat.survey.host.platform


def images_per_price(rate: Estimate, unit: str, price: float) -> Estimate | None:
    """Returns how many images one unit of the price's currency pays for; None of a latency."""
    return rate.scaled(_SECONDS_AN_HOUR / price) if unit in _RATES else None
