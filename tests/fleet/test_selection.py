"""Which nodes are meant by a word, and what nodes of one name are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.errors import UsageError
from r50bench.fleet.selection import select_nodes, titles
from support.scripted_fleet import node

HEAD = node("head", cpus=0.0, address="192.0.2.9")
ONE = node("box-1", labels={"type": "c7i", "rack": "a"})
TWO = node("box-2", labels={"type": "c7i", "rack": "b"})
ARM = node("arm-1", labels={"type": "c8g"})
NODES = [TWO, HEAD, ARM, ONE]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ((), [ARM, ONE, TWO]),
        (("box-1",), [ONE]),
        (("box-*", "box-1"), [ONE, TWO]),
        (("type=c7i",), [ONE, TWO]),
        (("type=c?*", "rack=b"), [ARM, ONE, TWO]),
        (("192.0.2.9",), [HEAD]),
        ((ARM.id[:8].upper(),), [ARM]),
        ((f"arm-1#{ARM.id[:6]}",), [ARM]),
    ],
)
def test_a_word_means_nodes_by_name_label_address_or_id(
    words: tuple[str, ...], meant: list[object]
) -> None:
    assert select_nodes(NODES, words) == meant


def test_where_some_declare_the_exclusive_resource_the_others_are_not_meant() -> None:
    ours = node("ours", exclusive=True, cpus=0.0)
    assert select_nodes([*NODES, ours], ()) == [ours]


@pytest.mark.parametrize(
    ("word", "hint"),
    [("box-3", "did you mean box-"), ("type=c7", "did you mean type=c7i"), ("zz", "there are")],
)
def test_a_word_that_means_no_node_is_refused_with_one_that_does(word: str, hint: str) -> None:
    with pytest.raises(UsageError, match="means no node of the cluster") as caught:
        select_nodes(NODES, ("box-1", word))
    assert hint in str(caught.value.hint)


def test_a_cluster_of_nothing_but_a_head_is_refused() -> None:
    with pytest.raises(UsageError, match="no node of the cluster offers CPUs"):
        select_nodes([HEAD], ())


def test_nodes_of_one_name_are_told_apart_by_their_ids() -> None:
    again = replace(ONE, id="f" * 56)
    assert titles([ONE, TWO]) == {ONE.id: "box-1", TWO.id: "box-2"}
    assert titles([ONE, TWO, again]) == {
        ONE.id: f"box-1#{ONE.id[:6]}",
        TWO.id: "box-2",
        again.id: "box-1#ffffff",
    }


def test_a_node_beside_a_head_of_its_name_is_called_by_its_name_and_alone_meant_by_it() -> None:
    head = replace(ONE, id="0" * 56, cpus=0.0)
    assert titles([ONE, head]) == {ONE.id: "box-1", head.id: "box-1#000000"}
    assert select_nodes([ONE, head], ("box-1",)) == [ONE]
    assert select_nodes([ONE, head], ("box-1#000000",)) == [head]
