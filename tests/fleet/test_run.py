"""A plan on nodes that do as they are told, in their own time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.errors import RunFailed
from r50bench.fleet.frames import Begun, Ended, Order, Piece, Said, written
from r50bench.fleet.kept import Answered
from r50bench.fleet.plan import Errand, FleetPlan
from r50bench.fleet.run import FleetRun
from r50bench.fleet.schedule import Schedule
from r50bench.fleet.transport import Node
from r50bench.notices import Notice, Silent
from support.fleet_records import MOST, parcel_of, seat
from support.scripted_fleet import DIES, KILLED, ScriptedFleet, Step, steps_of

INT8, FP32 = Errand("int8", ("run", "int8")), Errand("fp32", ("run", "fp32"))
PLAN = FleetPlan((INT8, FP32), limit_s=100.0, patience_s=50.0, most_bytes=MOST)

Script = Callable[[Node, Order], Iterable[Step]]


class Told(Silent):
    def __init__(self) -> None:
        self.warnings: list[Notice] = []

    def warn(self, notice: Notice) -> None:
        self.warnings.append(notice)


def good(node: Node, order: Order) -> list[Step]:
    return steps_of(parcel_of(f"{node.name}-{order.words[-1]}"))


class Trial:
    """A fleet of nodes by their titles; ``answers`` are what came of it."""

    def __init__(
        self,
        folder: Path,
        scripts: dict[str, Script],
        plan: FleetPlan = PLAN,
        hosts: dict[str, str] | None = None,
    ) -> None:
        seats = [seat(title, (hosts or {}).get(title, "")) for title in scripts]
        self.fleet = ScriptedFleet(
            [one.node for one in seats], lambda node, order: scripts[node.name](node, order)
        )
        self.told = Told()
        self.folder = folder
        self.answers: list[Answered] = []
        schedule = Schedule(seats, plan.errands, plan.retries)
        self.run = FleetRun(self.fleet, schedule, plan, folder, self.told, clock=self.fleet.clock)

    def through(self) -> list[Answered]:
        for one in self.run.results():
            self.answers.append(one)
        return self.answers

    def said(self) -> dict[tuple[str, str, int], str]:
        return {(one.title, one.errand.question, one.attempt): one.reason for one in self.answers}


def test_64_nodes_answer_every_errand_once_and_their_records_come_home(tmp_path: Path) -> None:
    names = [f"n{number:02}" for number in range(64)]
    trial = Trial(tmp_path, dict.fromkeys(names, good))
    answers = trial.through()
    assert {(one.title, one.errand.question) for one in answers} == {
        (name, question) for name in names for question in ("int8", "fp32")
    }
    assert len(answers) == 128
    assert not any(one.reason for one in answers)
    assert {one.home.runs[0].record.id for one in answers} == {
        f"{name}-{question}" for name in names for question in ("int8", "fp32")
    }
    assert all(one.home.runs[0].figures[0].value == 1600.0 for one in answers)
    assert all((one.home.runs[0].folder / "record.json").is_file() for one in answers)
    assert trial.fleet.now == 20.0, "all nodes at once, two errands of ten seconds one by one"
    assert set(trial.fleet.most_at_once.values()) == {1}


def test_nodes_of_one_host_measure_one_after_the_other(tmp_path: Path) -> None:
    trial = Trial(tmp_path, {"a": good, "b": good, "c": good}, hosts={"a": "one", "b": "one"})
    trial.through()
    began = [(at, name, order.words[-1]) for at, name, order in trial.fleet.started]
    assert began == [
        (0.0, "a", "int8"),
        (0.0, "c", "int8"),
        (10.0, "b", "int8"),
        (10.0, "c", "fp32"),
        (20.0, "a", "fp32"),
        (30.0, "b", "fp32"),
    ]


def dies_at(seconds: float) -> Script:
    return lambda node, order: [(0.0, written(Begun(0))), (seconds, DIES)]


def test_a_node_that_dies_is_a_row_that_says_so_and_costs_the_others_nothing(
    tmp_path: Path,
) -> None:
    trial = Trial(tmp_path, {"mortal": dies_at(3.0), "good": good})
    trial.through()
    assert trial.said() == {
        ("mortal", "int8", 1): "the node died",
        ("mortal", "fp32", 1): "was not begun: its node is gone",
        ("good", "int8", 1): "",
        ("good", "fp32", 1): "",
    }


def test_a_killed_worker_is_tried_again_where_that_is_asked_and_no_more_often(
    tmp_path: Path,
) -> None:
    plan = replace(PLAN, errands=(INT8,), retries=2)
    killed = lambda node, order: [(0.0, written(Begun(0))), (1.0, KILLED)]  # noqa: E731
    trial = Trial(tmp_path, {"a": killed}, plan)
    assert [(one.attempt, one.again) for one in trial.through()] == [
        (1, True), (2, True), (3, False),
    ]  # fmt: skip


def test_a_node_that_comes_back_goes_on_with_what_it_had_to_do(tmp_path: Path) -> None:
    lives = iter([dies_at(3.0), good, good])

    def next_life(node: Node, order: Order) -> Iterable[Step]:
        return next(lives)(node, order)

    trial = Trial(tmp_path, {"a": next_life}, replace(PLAN, retries=1))
    (node,) = trial.fleet.nodes()
    back = replace(node, id="f" * 56)
    answers = trial.run.results()
    first = next(answers)
    assert (first.reason, first.again) == ("the node died", True)
    trial.fleet.alive.append(back)
    rest = list(answers)
    assert [(one.errand.question, one.reason, one.attempt) for one in rest] == [
        ("fp32", "", 1),
        ("int8", "", 2),
    ]


def test_a_head_on_the_machine_of_a_node_that_died_is_not_taken_for_it(tmp_path: Path) -> None:
    trial = Trial(tmp_path, {"a": dies_at(3.0)}, replace(PLAN, retries=1))
    (node,) = trial.fleet.nodes()
    trial.fleet.alive.append(replace(node, id="0" * 56, cpus=0.0))
    trial.through()
    assert len(trial.fleet.started) == 1


def killed_first(node: Node, order: Order) -> list[Step]:
    """Its worker is killed at once, and it dies when 10 s are over."""
    return [(0.0, written(Begun(0))), (1.0, KILLED), (9.0, DIES)]


def test_a_death_that_is_known_late_costs_one_attempt(tmp_path: Path) -> None:
    lives = iter([killed_first, good])

    def next_life(node: Node, order: Order) -> Iterable[Step]:
        return next(lives)(node, order)

    trial = Trial(tmp_path, {"a": next_life}, replace(PLAN, errands=(INT8,), retries=1))
    (node,) = trial.fleet.nodes()
    trial.fleet.alive.append(replace(node, id="f" * 56))
    assert [(one.reason, one.attempt) for one in trial.through()] == [
        ("its worker was killed", 1),
        ("", 2),
    ]
    assert trial.fleet.started[1][0] == pytest.approx(10.0, abs=1.5)


def test_where_a_worker_alone_was_killed_its_node_goes_on_when_a_death_would_be_known(
    tmp_path: Path,
) -> None:
    lives = iter([killed_first, good])

    def next_life(node: Node, order: Order) -> Iterable[Step]:
        return (
            list(next(lives)(node, order))[:2] if order.words[-1] == "int8" else good(node, order)
        )

    trial = Trial(tmp_path, {"a": next_life})
    assert [(one.errand.question, one.reason) for one in trial.through()] == [
        ("int8", "its worker was killed"),
        ("fp32", ""),
    ]
    assert 20.0 <= trial.fleet.started[1][0] < 25.0


def test_one_that_does_not_come_back_is_given_up_after_a_minute(tmp_path: Path) -> None:
    trial = Trial(tmp_path, {"a": dies_at(3.0)}, replace(PLAN, retries=1))
    trial.through()
    assert list(trial.said().values()) == [
        "the node died",
        *["was not begun: its node is gone"] * 2,
    ]
    assert 60.0 < trial.fleet.now < 70.0


def test_a_node_that_hangs_is_ended_and_named(tmp_path: Path) -> None:
    hangs = lambda node, order: [(0.0, written(Begun(0))), (0.0, written(Said("round 1")))]  # noqa: E731
    trial = Trial(tmp_path, {"a": hangs}, replace(PLAN, errands=(INT8,)))
    (one,) = trial.through()
    assert one.reason == "did not answer within 100 s, nor end: it hangs"
    assert trial.fleet.stopped == [1]
    assert 220.0 < trial.fleet.now < 225.0


def test_one_that_never_begins_is_told_with_what_it_waits_for(tmp_path: Path) -> None:
    waits = lambda node, order: [(1.0, written(Said("waits: pid 7 measures")))]  # noqa: E731
    trial = Trial(tmp_path, {"a": waits, "b": lambda n, o: []}, replace(PLAN, errands=(INT8,)))
    trial.through()
    assert trial.said() == {
        ("a", "int8", 1): "did not begin within 50 s: waits: pid 7 measures",
        ("b", "int8", 1): "did not begin within 50 s: other work of the cluster's has its CPUs",
    }


def test_one_that_does_not_even_end_is_left_and_nothing_more_is_sent_there(
    tmp_path: Path,
) -> None:
    trial = Trial(tmp_path, {"a": lambda n, o: []})
    frozen = replace(trial.fleet.alive[0], labels={"frozen": "yes"})
    trial.fleet.alive[0] = frozen
    trial.run._schedule.seats["a"] = replace(trial.run._schedule.seats["a"], node=frozen)
    trial.through()
    assert [one.reason[:24] for one in trial.answers] == [
        "did not begin within 50 ",
        "was not begun: its node ",
    ]
    assert len(trial.fleet.started) == 1


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        ([written(Piece(b"x" * 10)), written(Ended(0, bytes=11))], "10 bytes came home, and 11"),
        ([b"\x80\x04\x95pickle"], "a node sent what is no message"),
        (
            [written(Piece(bytes(1000)))] * 200 + [b"#" + bytes(2_000_000)],
            "a node sent a piece of 2000000 bytes",
        ),
        ([written(Ended(0))], "it said that it was done, and no valid record came home"),
        ([written(Ended(5, tail=("working", "r50bench: no weights", "  hint: …")))], "no weights"),
        ([written(Ended(-9))], "r50bench was killed there by signal 9"),
        ([written(Ended(1))], "r50bench ended there with status 1"),
        ([written(Ended(failure="its host was not free"))], "its host was not free"),
    ],
)
def test_what_a_node_says_wrongly_is_a_row_and_no_record(
    tmp_path: Path, lie: list[bytes], why: str
) -> None:
    script = lambda node, order: [(0.0, written(Begun(0))), *((0.1, one) for one in lie)]  # noqa: E731
    trial = Trial(tmp_path, {"a": script}, replace(PLAN, errands=(INT8,)))
    (one,) = trial.through()
    assert one.reason.startswith(why)
    assert one.home.runs == ()
    assert not list(tmp_path.rglob("record.json"))


@pytest.mark.parametrize("damage", [0, 30, -30, -1])
def test_a_damaged_parcel_is_a_row_and_no_record(tmp_path: Path, damage: int) -> None:
    data = bytearray(parcel_of("a"))
    data[damage] ^= 0xFF
    trial = Trial(
        tmp_path, {"a": lambda n, o: steps_of(bytes(data))}, replace(PLAN, errands=(INT8,))
    )
    (one,) = trial.through()
    valid = [run for run in one.home.runs if run.record.status == "valid"]
    assert bool(one.reason) != bool(valid)
    assert len(list(tmp_path.rglob("record.json"))) == len(valid)


def test_of_a_parcel_that_is_damaged_half_way_nothing_stays(tmp_path: Path) -> None:
    data = bytearray(parcel_of("a", "b"))
    data[data.rindex(b"PK\x03\x04") + 60] ^= 0xFF
    trial = Trial(
        tmp_path, {"a": lambda n, o: steps_of(bytes(data))}, replace(PLAN, errands=(INT8,))
    )
    (one,) = trial.through()
    assert one.reason.startswith("what came home cannot be unpacked")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["answer.json"]


def test_the_same_record_twice_is_there_once(tmp_path: Path) -> None:
    same = lambda node, order: steps_of(parcel_of("copied"))  # noqa: E731
    trial = Trial(tmp_path, {"a": same, "b": same}, replace(PLAN, errands=(INT8,)))
    trial.through()
    assert sorted(trial.said().values()) == [
        "",
        "refused: copied: a record with this id is there already",
    ]
    assert len(list(tmp_path.rglob("record.json"))) == 1


def test_an_exit_code_that_would_be_the_same_again_is_not_tried_again(tmp_path: Path) -> None:
    for status, tries in ((6, 1), (2, 1), (5, 3)):
        ends = lambda n, o, status=status: [(0.0, written(Begun(0))), (1.0, written(Ended(status)))]  # noqa: E731
        folder = tmp_path / str(status)
        folder.mkdir()
        trial = Trial(folder, {"a": ends}, replace(PLAN, errands=(INT8,), retries=2))
        assert len(trial.through()) == tries


def test_a_node_at_nice_15_is_told_once_with_the_mend(tmp_path: Path) -> None:
    def nice(node: Node, order: Order) -> list[Step]:
        return [(0.0, written(Begun(15))), *good(node, order)[1:]]

    trial = Trial(tmp_path, {"a": nice})
    trial.through()
    (warning,) = trial.told.warnings
    assert "a: r50bench runs at nice 15 there" in warning.text
    assert "RAY_worker_niceness=0" in warning.mend


def test_leaving_early_ends_what_runs_and_what_came_home_stays(tmp_path: Path) -> None:
    slow = lambda node, order: steps_of(parcel_of(node.name), seconds=90.0)  # noqa: E731
    trial = Trial(tmp_path, {"fast": good, "slow": slow})
    results = trial.run.results()
    assert next(results).title == "fast"
    results.close()
    assert trial.fleet.stopped == [2]
    assert len(list(tmp_path.rglob("record.json"))) == 1


def test_a_cluster_that_is_lost_ends_it_and_what_came_home_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = Trial(tmp_path, {"a": good})
    results = trial.run.results()
    next(results)

    def lost(timeout_s: float) -> list[object]:
        raise RunFailed("the cluster was lost")

    monkeypatch.setattr(trial.fleet, "events", lost)
    with pytest.raises(RunFailed, match="the cluster was lost"):
        next(results)
    assert len(list(tmp_path.rglob("record.json"))) == 1
