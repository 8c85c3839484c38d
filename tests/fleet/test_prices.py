"""Hourly prices, and images for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.errors import UsageError
from r50bench.fleet.prices import images_per_price, price_of, read_prices
from r50bench.results.stats import Estimate
from support.fleet_records import seat


def test_a_line_is_a_name_and_a_price(tmp_path: Path) -> None:
    file = tmp_path / "prices"
    file.write_text("# per hour\n\nc7i.4xlarge 0.714\nAmazon EC2 m7i.4xlarge,0.8064\nbox-1;1e-1\n")
    assert read_prices(file) == {
        "c7i.4xlarge": 0.714,
        "Amazon EC2 m7i.4xlarge": 0.8064,
        "box-1": 0.1,
    }


@pytest.mark.parametrize(
    "line", ["c7i.4xlarge", "0.7", "a -1", "a 0", "a nan", "a 1e999", "a 1 2 x", "a 1-2"]
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "prices"
    file.write_text(f"b 1\n{line}\n")
    with pytest.raises(UsageError, match=r"line 2 of .* is no name and price"):
        read_prices(file)


def test_two_prices_for_one_name_and_no_file_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "prices"
    file.write_text("a 1\na 2\n")
    with pytest.raises(UsageError, match="a has another price above"):
        read_prices(file)
    with pytest.raises(UsageError, match="there is no file"):
        read_prices(tmp_path / "none")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is no text"):
        read_prices(file)


def test_a_node_has_the_price_of_its_nearest_name() -> None:
    one = seat("box-1")
    one = replace(one, node=replace(one.node, labels={"type": "mine"}))
    by_name = {
        "SPR": 5.0,
        "m7i.4xlarge": 4.0,
        "Amazon EC2 m7i.4xlarge": 3.0,
        "mine": 2.0,
        "box-1": 1.0,
    }
    for price in (1.0, 2.0, 3.0, 4.0, 5.0):
        assert price_of(one, by_name) == price
        by_name = {name: worth for name, worth in by_name.items() if worth != price}
    assert price_of(one, by_name) is None


def test_images_for_one_unit_of_the_price() -> None:
    worth = images_per_price(Estimate(100.0, 90.0, 110.0), "img/s", 0.72)
    assert worth is not None
    assert (worth.value, worth.low, worth.high) == pytest.approx((500_000.0, 450_000.0, 550_000.0))
    assert images_per_price(Estimate(3.0), "ms", 0.72) is None
