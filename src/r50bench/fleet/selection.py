"""Which nodes of a cluster are meant, and what each is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from r50bench.errors import UsageError, did_you_mean
from r50bench.fleet.transport import Node
from r50bench.wording import first_few

__all__ = ["select_nodes", "titles"]

_LEAST_OF_ID = 6


def select_nodes(nodes: Sequence[Node], words: Sequence[str]) -> list[Node]:
    """Returns the nodes that any of ``words`` means, in their order.

    A word is a label (``type=c7i``), a name or a glob of names, an address, or the beginning of an
    id. Without words it is those that declare the exclusive resource, and where none does, those
    that offer CPUs to the cluster: a head that only leads offers none.

    Raises:
        UsageError: a word means no node, or there is none at all.
    """
    if words:
        called = titles(nodes)
        ids = {node.id for word in words for node in _meant(word, nodes, called)}
        chosen = [node for node in nodes if node.id in ids]
    else:
        chosen = [node for node in nodes if node.exclusive] or [n for n in nodes if n.cpus > 0]
    if not chosen:
        raise UsageError(
            "no node of the cluster offers CPUs",
            hint="start nodes with 'ray start --address …', or name some with --nodes",
        )
    return sorted(chosen, key=lambda node: (node.name, node.address, node.id))


def titles(nodes: Sequence[Node]) -> dict[str, str]:
    """Returns what each node is called, by its id: its name, and more where others have it too.

    A head that offers nothing does not take the name from a node on the same machine.
    """
    counts = Counter(node.name for node in nodes)
    offering = Counter(node.name for node in nodes if _offers(node))
    return {
        node.id: node.name
        if counts[node.name] == 1 or (_offers(node) and offering[node.name] == 1)
        else f"{node.name}#{node.id[:_LEAST_OF_ID]}"
        for node in nodes
    }


def _offers(node: Node) -> bool:
    return node.exclusive or node.cpus > 0


def _meant(word: str, nodes: Sequence[Node], called: Mapping[str, str]) -> list[Node]:
    meant = [node for node in nodes if called[node.id] == word]
    meant = meant or [node for node in nodes if _means(word, node)]
    if not meant:
        raise _means_none(word, nodes, called)
    return meant


def _means(word: str, node: Node) -> bool:
    key, equals, text = word.partition("=")
    if equals:
        return key in node.labels and fnmatchcase(node.labels[key], text)
    by_id = word.rpartition("#")[2]
    return (
        fnmatchcase(node.name, word)
        or word == node.address
        or (len(by_id) >= _LEAST_OF_ID and node.id.startswith(by_id.lower()))
    )


def _means_none(word: str, nodes: Sequence[Node], called: Mapping[str, str]) -> UsageError:
    labels = {f"{key}={text}" for node in nodes for key, text in node.labels.items()}
    known = [*dict.fromkeys(called.values()), *sorted(labels)]
    return UsageError(
        f"--nodes {word} means no node of the cluster",
        hint=did_you_mean(word, known) or f"there are {first_few(known, 8)}",
    )
