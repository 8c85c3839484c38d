"""The list of nodes."""

from __future__ import annotations

import json

from r50bench.fleet.nodes_text import nodes_as_data, nodes_text
from r50bench.fleet.roll_call import Present
from r50bench.notices import Notice
from support.scripted_fleet import node
from support.surveys import survey

GOVERNOR = Notice("governor", 'frequency governor is "powersave"', "cpupower")
STEAL = Notice("steal", "the hypervisor gave 3 %", "a dedicated one")


def present(name: str, *args: object, **more: object) -> Present:
    return Present(node(name), name, survey(*args, **more))


def test_a_row_says_what_the_machine_is_and_what_hurts_there() -> None:
    text = nodes_text([present("a", "1", GOVERNOR), present("b", "2")])
    head, rule, first, second, notice = text.splitlines()
    assert " ".join(head.split()) == "node platform CPU cores GiB precisions r50bench what hurts"
    assert rule.strip("─") == ""
    assert "SPR" in first
    assert first.endswith("governor")
    assert "8   32  avx_fp32 amx_int8" in second
    assert second.endswith("nothing known")
    assert notice == '! a: frequency governor is "powersave". Mend: cpupower'


def test_a_finding_is_said_once_with_all_who_have_it() -> None:
    lines = nodes_text(
        [present("a", "1", GOVERNOR, STEAL), present("b", "2", GOVERNOR)]
    ).splitlines()
    assert [line for line in lines if line.startswith("!")] == [
        f"! all: {GOVERNOR}",
        f"! a: {STEAL}",
    ]


def test_nodes_of_one_running_system_are_said_to_take_turns() -> None:
    lines = nodes_text([present("a", "1"), present("b", "1"), present("c", "")]).splitlines()
    assert lines[-1] == "! a, b: they are one host, and measure one after the other"


def test_a_node_that_did_not_answer_is_a_row_and_a_reason() -> None:
    lines = nodes_text([present("a"), Present(node("b"), "b", reason="the node died")]).splitlines()
    assert lines[3].split() == ["b", "no", "answer"]
    assert lines[-1] == "! b: the node died"


def test_programs_get_the_same() -> None:
    data = json.loads(json.dumps(nodes_as_data([present("a"), Present(node("b"), "b")])))
    assert data[0]["survey"]["host"]["cores"] == 8
    assert data[0]["title"] == "a"
    assert data[1]["survey"] is None
