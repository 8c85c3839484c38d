"""Asks every node what it is, all at once; one that does not answer is listed with the reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from r50bench import __version__
from r50bench.errors import RunFailed
from r50bench.fleet.answer import Answer
from r50bench.fleet.frames import Order, written
from r50bench.fleet.selection import select_nodes, titles
from r50bench.fleet.survey import Survey
from r50bench.fleet.transport import Gone, Node, Ticket, Transport
from r50bench.notices import Progress
from r50bench.wording import counted

__all__ = ["Present", "call_roll", "nodes_present"]

_PATIENCE_S = 90.0
_LOOK_UP_S = 1.0


@dataclass(frozen=True)
class Present:
    """A node under its title, with its survey or the reason why there is none."""

    node: Node
    title: str
    survey: Survey | None = None
    reason: str = ""


def nodes_present(transport: Transport, words: Sequence[str], progress: Progress) -> list[Present]:
    """Returns what each node that ``words`` mean says of itself, see :func:`.select_nodes`.

    A node that was started again before its death was known is there once, under its own title.

    Raises:
        UsageError: as :func:`.select_nodes`.
        RunFailed: the cluster is lost.
    """
    every = transport.nodes()
    called = titles(every)
    chosen = select_nodes(every, words)
    present = call_roll(transport, [(node, called[node.id]) for node in chosen], progress)
    return _as_they_live(present, every, transport.nodes())


def _as_they_live(
    present: Sequence[Present], every: Sequence[Node], now: Sequence[Node]
) -> list[Present]:
    """Leaves out what has died since and lives on in its place, and names the others without it."""
    alive = {node.id for node in now}
    living = [node for node in every if node.id in alive]
    taken = {node.place for node in living}
    dead = {node.place: node for node in every if node.place not in taken}
    called = titles([*living, *dead.values()])
    return [replace(one, title=called[one.node.id]) for one in present if one.node.id in called]


def call_roll(
    transport: Transport,
    nodes: Sequence[tuple[Node, str]],
    progress: Progress,
    *,
    patience_s: float = _PATIENCE_S,
    clock: Callable[[], float] = time.monotonic,
) -> list[Present]:
    """Returns what each node, given with its title, says of itself, in their order.

    Raises:
        RunFailed: the cluster is lost.
    """
    order = written(Order(__version__))
    asked = {transport.start(node, order): (node, title) for node, title in nodes}
    answers = {ticket: Answer(0) for ticket in asked}
    found: dict[Ticket, Present] = {}
    progress.phase(f"calling {counted(len(asked), 'node')}", len(asked))
    deadline = clock() + patience_s
    while len(found) < len(asked) and clock() < deadline:
        for event in transport.events(min(_LOOK_UP_S, max(0.0, deadline - clock()))):
            if event.ticket not in asked or event.ticket in found:
                continue
            node, title = asked[event.ticket]
            answer = answers[event.ticket]
            present = (
                _at_the_end(answer, transport, node, title)
                if isinstance(event, Gone)
                else _so_far(answer, event.data, node, title)
            )
            if present is not None:
                found[event.ticket] = present
                progress.advance(len(found))
    for ticket, (node, title) in asked.items():
        if ticket not in found:
            transport.stop(ticket)
            why = (
                f"did not answer within {patience_s:g} s: other work of the cluster's has its CPUs,"
                " or it hangs"
            )
            found[ticket] = Present(node, title, reason=why)
    return [found[ticket] for ticket in asked]


def _at_the_end(answer: Answer, transport: Transport, node: Node, title: str) -> Present:
    ended = answer.ended
    reason = transport.fate(node) if ended is None else ended.failure
    if answer.survey is None or reason:
        return Present(node, title, reason=reason or "it told nothing of itself")
    return Present(node, title, answer.survey)


def _so_far(answer: Answer, data: bytes, node: Node, title: str) -> Present | None:
    """Takes a frame; returns what is to be said of the node where that is none."""
    try:
        answer.take(data)
    except RunFailed as error:
        return Present(node, title, reason=error.message)
    return None
