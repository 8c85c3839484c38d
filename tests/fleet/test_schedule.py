"""Who does what next."""

from __future__ import annotations

from dataclasses import replace

from r50bench.fleet.plan import Errand, Seat
from r50bench.fleet.schedule import Schedule
from support.scripted_fleet import node
from support.surveys import survey

INT8, FP32 = Errand("int8", ("run", "int8")), Errand("fp32", ("run", "fp32"))
POINTS = tuple(Errand(f"point {at}", ("run", str(at)), anywhere=True) for at in range(5))


def seat(title: str, host: str = "") -> Seat:
    return Seat(node(title), title, host or title, survey(host or title))


def begun(schedule: Schedule) -> list[tuple[str, str]]:
    return [(seat.title, job.errand.question) for seat, job in schedule.next_starts()]


def test_every_seat_has_every_errand_one_at_a_time() -> None:
    schedule = Schedule([seat("a"), seat("b")], [INT8, FP32])
    assert schedule.jobs == 4
    assert begun(schedule) == [("a", "int8"), ("b", "int8")]
    assert begun(schedule) == []
    schedule.finish("b")
    assert begun(schedule) == [("b", "fp32")]
    schedule.finish("a")
    schedule.finish("b")
    assert begun(schedule) == [("a", "fp32")]
    assert schedule.unfinished
    schedule.finish("a")
    assert not schedule.unfinished


def test_seats_of_one_host_take_turns() -> None:
    schedule = Schedule([seat("a", "host"), seat("b", "host"), seat("c")], [INT8, FP32])
    order = []
    while schedule.unfinished:
        for title, question in begun(schedule):
            order.append((title, question))
        for title in ("a", "b", "c"):
            if title in schedule._busy:
                schedule.finish(title)
    assert [one for one in order if one[0] != "c"] == [
        ("a", "int8"),
        ("b", "int8"),
        ("a", "fp32"),
        ("b", "fp32"),
    ]


def test_an_errand_for_anyone_is_done_once_by_whoever_is_free() -> None:
    schedule = Schedule([seat("a"), seat("b")], POINTS)
    assert schedule.jobs == 5
    done = []
    while schedule.unfinished:
        done += begun(schedule)
        # a is slow: b has come back four times before it has once.
        schedule.finish("b" if "b" in schedule._busy else "a")
    assert sorted(question for _, question in done) == [one.question for one in POINTS]
    assert [title for title, _ in done].count("b") == 4


def test_what_failed_is_tried_again_as_often_as_it_may_be_after_the_others() -> None:
    schedule = Schedule([seat("a")], [INT8, FP32], retries=2)
    assert begun(schedule) == [("a", "int8")]
    assert schedule.try_again("a")
    assert begun(schedule) == [("a", "fp32")]
    schedule.finish("a")
    for attempt in (2, 3):
        ((_, job),) = schedule.next_starts()
        assert (job.errand, job.attempt) == (INT8, attempt)
        assert schedule.try_again("a") is (attempt < 3)
    assert not schedule.unfinished


def test_what_is_answered_already_is_not_asked_again() -> None:
    done = {("a", "int8"), (None, "point 1")}
    schedule = Schedule([seat("a"), seat("b")], [INT8, *POINTS[:2]], done=done)
    assert schedule.jobs == 2
    assert begun(schedule) == [("a", "point 0"), ("b", "int8")]


def test_jobs_of_a_lost_seat_wait_for_its_node_and_others_do_those_for_anyone() -> None:
    schedule = Schedule([seat("a"), seat("b")], [INT8, POINTS[0]], retries=1)
    begun(schedule)
    schedule.try_again("a")
    schedule.lose("a")
    schedule.finish("b")
    assert begun(schedule) == [("b", "point 0")]
    schedule.finish("b")
    assert begun(schedule) == []
    assert [one.title for one in schedule.lost] == ["a"]
    again = replace(node("a"), id="f" * 56)
    schedule.find("a", again)
    ((found, job),) = schedule.next_starts()
    assert (found.node, job.attempt) == (again, 2)


def test_what_a_lost_seat_had_to_do_is_given_up_and_what_nobody_is_left_for() -> None:
    schedule = Schedule([seat("a"), seat("b")], [INT8, POINTS[0]])
    schedule.lose("a")
    assert [job.errand for job in schedule.give_up("a")] == [INT8]
    schedule.lose("b")
    assert [job.errand for job in schedule.give_up("b")] == [INT8, POINTS[0]]
    assert not schedule.unfinished
