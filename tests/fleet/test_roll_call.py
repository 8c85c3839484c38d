"""Every node is asked at once, and one that does not answer is listed with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from r50bench.fleet.frames import Ended, Order, Surveyed, written
from r50bench.fleet.roll_call import Present, call_roll, nodes_present
from r50bench.fleet.transport import Node
from r50bench.notices import Silent
from support.scripted_fleet import DIES, KILLED, ScriptedFleet, Step, node
from support.surveys import survey

TOLD = written(Surveyed(msgspec.to_builtins(survey())))


def roll(scripts: dict[str, list[Step]]) -> tuple[ScriptedFleet, list[Present]]:
    def script(node: Node, order: Order) -> Iterable[Step]:
        assert not order.words
        return scripts[node.name]

    nodes = [node(name) for name in scripts]
    fleet = ScriptedFleet(nodes, script)
    asked = [(one, one.name) for one in nodes]
    return fleet, call_roll(fleet, asked, Silent(), patience_s=60.0, clock=fleet.clock)


def test_64_nodes_are_asked_at_once() -> None:
    steps: list[Step] = [(5.0, TOLD), (0.0, written(Ended(0)))]
    fleet, present = roll({f"n{number:02}": steps for number in range(64)})
    assert [one.survey for one in present] == [survey()] * 64
    assert fleet.now == 5.0


def test_one_that_does_not_answer_is_said_why_and_costs_the_others_nothing() -> None:
    good: list[Step] = [(1.0, TOLD), (0.0, written(Ended(0)))]
    fleet, present = roll(
        {
            "dies": [(2.0, DIES)],
            "good": good,
            "killed": [(1.0, TOLD), (1.0, KILLED)],
            "lies": [(1.0, b"\x80\x04pickle")],
            "lacks": [(1.0, written(Ended(failure="r50bench cannot be used there")))],
            "says nothing": [(1.0, written(Ended(0)))],
            "hangs": [(1.0, TOLD)],
        }
    )
    said = {one.title: one.reason for one in present}
    assert said["good"] == ""
    assert said["dies"] == "the node died"
    assert said["killed"] == "its worker was killed"
    assert said["lies"].startswith("a node sent what is no message")
    assert said["lacks"] == "r50bench cannot be used there"
    assert said["says nothing"] == "it told nothing of itself"
    assert said["hangs"].startswith("did not answer within 60 s: other work of the cluster's")
    assert fleet.now == 60.0
    assert fleet.stopped == [7]


def test_only_nodes_that_are_meant_are_asked_each_under_its_title() -> None:
    nodes = [replace(node("box-1"), id=12 * sign) for sign in "ab"] + [node("other")]
    fleet = ScriptedFleet(nodes, lambda node, order: [(1.0, TOLD), (0.0, written(Ended(0)))])
    present = nodes_present(fleet, ("box-*",), Silent())
    assert [one.title for one in present] == ["box-1#aaaaaa", "box-1#bbbbbb"]
    assert [one.survey for one in present] == [survey()] * 2


def test_a_node_that_was_started_again_before_its_death_was_known_is_there_once_by_its_name() -> (
    None
):
    again = replace(node("n2"), id="f" * 56)

    def script(node: Node, order: Order) -> Iterable[Step]:
        lives = node.id == again.id or node.name == "n1"
        return [(1.0, TOLD), (0.0, written(Ended(0)))] if lives else [(5.0, DIES)]

    fleet = ScriptedFleet([node("n1"), node("n2"), again, node("n3")], script)
    present = nodes_present(fleet, (), Silent())
    assert [(one.title, one.node.id == again.id, one.reason) for one in present] == [
        ("n1", False, ""),
        ("n2", True, ""),
        ("n3", False, "the node died"),
    ]
