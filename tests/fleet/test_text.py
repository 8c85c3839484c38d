"""A fleet's run in words."""

from __future__ import annotations

import json

from r50bench.fleet.kept import Answered
from r50bench.fleet.plan import Errand
from r50bench.fleet.standings import standings
from r50bench.fleet.text import fleet_as_data, fleet_text, live_row
from r50bench.fleet.twins import OddOne, Twins
from support.fleet_records import answered

ANSWERS = [
    answered("int8", "a", 100.0, half_width=1.0),
    answered("int8", "b", 200.0, half_width=1.0),
    answered("int8", "c", reason="the node died"),
    answered("fp32", "a", 50.0),
    answered("fp32", "b", 40.0),
    answered("fp32", "c", reason="the node died"),
]
FOUND = standings(ANSWERS)


def test_the_table_has_a_row_for_each_node_of_each_case_the_best_first() -> None:
    text = fleet_text(FOUND, [], {"a": 0.36, "b": 0.9})
    lines = text.splitlines()
    assert [line.split() for line in lines[2:5]] == [
        ["int8", "b", "200.0", "±", "1.0", "img/s", "100.0", "%", "0.9", "0.8000", "±", "0.0040"],
        ["a", "100.0", "±", "1.0", "img/s", "50.0", "%", "0.36", "1.000", "±", "0.010"],
        ["c", "failed"],
    ]
    assert "int8: best is b; most images for the price: a" in lines
    assert "fp32: best is a; most images for the price: a" in lines
    assert lines[-1] == "! c (int8, fp32): the node died"


def test_without_prices_there_is_no_column_of_them() -> None:
    head = fleet_text(FOUND, [], {}).splitlines()[0]
    assert head.split() == ["case", "node", "figure", "of", "best"]


def test_twins_are_said_how_far_they_differ_and_which_is_odd() -> None:
    odd = OddOne("n7", -0.09, True, ("governors powersave (the others: performance)",))
    twins = Twins("int8", "m7i.4xlarge, 8 cores", tuple("abcdefghijkl"), 0.0042, (odd,))
    lines = fleet_text(FOUND, [twins], {}).splitlines()
    assert (
        "int8: 12 nodes of one type (m7i.4xlarge, 8 cores) differ by 0.42 % (standard deviation)"
        in lines
    )
    assert (
        "! n7 is 9.0 % slower than its 11 twins: governors powersave (the others: performance)"
        in lines
    )


def test_a_level_one_is_not_said_to_be_worse() -> None:
    found = standings(
        [answered("int8", "a", 100.0, half_width=2.0), answered("int8", "b", 99.0, half_width=2.0)]
    )
    assert "int8: best is a, not told from b" in fleet_text(found, [], {}).splitlines()


def test_nothing_answered_is_nothing_said() -> None:
    assert fleet_text([], [], {}) == ""


def test_programs_get_all_of_it() -> None:
    data = json.loads(json.dumps(fleet_as_data(FOUND, [], {"a": 0.36}, ANSWERS)))
    first = data["standings"][0]
    assert (first["best"], first["cells"][1]["images_for_1"]) == ("b", 1_000_000.0)
    assert first["cells"][2] == {
        "node": "c",
        "value": None,
        "low": None,
        "high": None,
        "processes": 0,
        "record": None,
        "reason": "the node died",
        "price_per_hour": None,
        "images_for_1": None,
    }
    assert data["answers"][2]["reason"] == "the node died"


def test_a_row_is_said_as_it_comes() -> None:
    assert live_row(ANSWERS[0]) == "a: int8 100.0 ± 1.0 img/s"
    assert live_row(ANSWERS[2]) == "c: int8 failed: the node died"
    failed = Answered(Errand("int8", ()), "", reason="its node is gone", again=True)
    assert live_row(failed) == "no node: int8 failed: its node is gone; it is tried again"
    assert live_row(answered("*", "a", 1.0, 2.0, several=True)) == "a: *, 2 runs"
