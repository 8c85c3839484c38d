"""``r50bench fleet list``, on nodes that do as they are told."""

from __future__ import annotations

import importlib.util
import json
import re

import msgspec
import pytest

from r50bench.cli import fleet_options
from r50bench.fleet.frames import Ended, Surveyed, written
from support.command_line import Call
from support.scripted_fleet import DIES, ScriptedFleet, node
from support.surveys import survey

ANSWERS = [(1.0, written(Surveyed(msgspec.to_builtins(survey())))), (0.0, written(Ended(0)))]


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> ScriptedFleet:
    """Two boxes that answer, one that dies, and a head."""
    nodes = [node("box-1"), node("box-2"), node("mortal"), node("head", cpus=0.0)]
    fleet = ScriptedFleet(
        nodes, lambda node, _: [(1.0, DIES)] if node.name == "mortal" else ANSWERS
    )
    monkeypatch.setattr(fleet_options, "RayTransport", lambda address: fleet)
    return fleet


def test_it_lists_those_that_are_meant_and_leaves_the_cluster(
    fleet: ScriptedFleet, r50bench_here: Call
) -> None:
    answer = r50bench_here("fleet", "list", "--nodes", "box-*", "-q")
    assert answer.code == 0
    assert re.findall(r"^box-\d", answer.out, re.MULTILINE) == ["box-1", "box-2"]
    assert fleet.closed


def test_one_that_does_not_answer_is_listed_and_ends_it_with_5(
    fleet: ScriptedFleet, r50bench_here: Call
) -> None:
    answer = r50bench_here("fleet", "list", "-q")
    assert answer.code == 5
    assert "! mortal: the node died" in answer.out
    assert "1 of 3 nodes did not answer; mortal: the node died" in answer.err


def test_programs_get_json(fleet: ScriptedFleet, r50bench_here: Call) -> None:
    answer = r50bench_here("fleet", "list", "--nodes", "box-1,box-2", "--json", "-q")
    assert [one["survey"]["host"]["cores"] for one in json.loads(answer.out)] == [8, 8]


def test_a_node_that_there_is_not_is_wrong_usage(fleet: ScriptedFleet, r50bench_here: Call) -> None:
    answer = r50bench_here("fleet", "list", "--nodes", "box-9")
    assert answer.code == 2
    assert "--nodes box-9 means no node of the cluster" in answer.err
    assert fleet.closed


def test_without_ray_it_ends_with_6(r50bench_here: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    answer = r50bench_here("fleet", "list")
    assert answer.code == 6
    assert "pip install 'r50bench[fleet]'" in answer.err
