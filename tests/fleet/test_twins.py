"""Nodes of one type: how far they differ, which is odd, and what may be why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.fleet.plan import Seat
from r50bench.fleet.standings import Standing, standings
from r50bench.fleet.survey import HostFacts
from r50bench.fleet.twins import kind_of, twins_of
from r50bench.notices import Notice
from support.fleet_records import answered, seat

NAMES = [f"n{number:02}" for number in range(12)]
HOST = {"model_name": "Xeon", "governors": ["performance"], "fingerprint": "f", "kernel": "6.1"}


def fleet(**changes: object) -> tuple[Standing, list[Seat]]:
    """Twelve boxes of about 1000 images/s; n07 is 9 % slower, and its record is changed."""
    values = [
        1000.0,
        1002.0,
        998.0,
        1001.0,
        999.0,
        1003.0,
        997.0,
        910.0,
        1000.0,
        1001.0,
        1002.0,
        999.0,
    ]
    answers = [
        answered("int8", name, value, host=HOST | {"fingerprint": name})
        for name, value in zip(NAMES, values, strict=True)
    ]
    odd = answers[7]
    (run,) = odd.home.runs
    run = replace(run, record=replace(run.record, **changes))
    answers[7] = replace(odd, home=replace(odd.home, runs=(run,)))
    (one,) = standings(answers)
    return one, [seat(name) for name in NAMES]


def test_a_box_that_is_slower_than_its_twins_is_named_with_what_it_has_otherwise() -> None:
    odd_host = HOST | {"fingerprint": "n07", "governors": ["powersave"], "kernel": "6.8"}
    (twins,) = twins_of(*fleet(host=odd_host))
    assert twins.kind == "Amazon EC2 m7i.4xlarge, 8 cores"
    assert len(twins.titles) == 12
    (odd,) = twins.odd
    assert (odd.title, odd.slower) == ("n07", True)
    assert odd.share == pytest.approx(910.0 / 1000.0 - 1)
    assert odd.suspects == (
        "governors powersave (the others: performance)",
        "kernel 6.8 (the others: 6.1)",
    )


def test_what_was_noticed_of_its_run_alone_is_suspected_too() -> None:
    steal = Notice("steal", "the hypervisor gave 7.0% of the CPU time since boot to other guests")
    (twins,) = twins_of(*fleet(host=HOST | {"fingerprint": "n07"}, notices=(steal,)))
    assert twins.odd[0].suspects == (steal.text,)


def test_where_nothing_is_otherwise_nothing_is_suspected() -> None:
    same = HOST | {"fingerprint": "n07", "memory_bytes": 34359738368}
    (twins,) = twins_of(*fleet(host=HOST | {"fingerprint": "n07"}))
    assert twins.odd[0].suspects == ()
    assert same


def test_twins_that_are_alike_differ_by_a_spread_and_none_is_odd() -> None:
    answers = [answered("int8", name, 100.0 + at % 3) for at, name in enumerate(NAMES)]
    (one,) = standings(answers)
    (twins,) = twins_of(one, [seat(name) for name in NAMES])
    assert twins.odd == ()
    assert twins.spread == pytest.approx(0.0084, abs=1e-4)


def test_less_than_two_per_cent_is_not_worth_naming() -> None:
    answers = [answered("int8", name, 100.0) for name in NAMES[:-1]]
    (one,) = standings([*answers, answered("int8", NAMES[-1], 98.5)])
    (twins,) = twins_of(one, [seat(name) for name in NAMES])
    assert twins.odd == ()


def test_types_are_told_apart_and_a_single_one_has_no_twin() -> None:
    answers = [answered("int8", name, 100.0) for name in "abc"]
    (one,) = standings(answers)
    seats = [seat("a"), seat("b", machine="Amazon EC2 m7i.8xlarge", cores=16), seat("c")]
    (twins,) = twins_of(one, seats)
    assert twins.titles == ("a", "c")


def test_a_type_is_the_clouds_or_the_cpu_with_its_memory_about() -> None:
    def kind(memory: int) -> object:
        return kind_of(HostFacts(model_name="AMD EPYC", cores=2, memory_bytes=memory))

    _, name = kind_of(HostFacts(model_name="AMD EPYC", cores=2))
    assert name == "AMD EPYC, 2 cores"
    assert kind(24 * 2**30) == kind(24 * 2**30 - 50_000_000)
    assert kind(24 * 2**30) != kind(96 * 2**30)
