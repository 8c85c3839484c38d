"""Nodes that do as they are told, in a time of their own: a transport without a cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from r50bench.fleet.frames import Begun, Ended, Order, Piece, Said, read_order, written
from r50bench.fleet.transport import Event, Frame, Gone, Node, Ticket

Step = tuple[float, "bytes | str"]
"""After so many seconds: a frame, or DIES (with the node) or KILLED (its worker alone)."""

DIES, KILLED = "dies", "killed"

Script = Callable[[Node, Order], Iterable[Step]]


def node(name: str, **more: object) -> Node:
    """A node of two CPUs, whose id is made of its name."""
    values = {"address": "192.0.2.1", "cpus": 2.0, **more}
    return Node(id=hashlib.sha256(name.encode()).hexdigest()[:56], name=name, **values)


class ScriptedFleet:
    """A :class:`r50bench.fleet.transport.Transport` whose time passes where it is waited for.

    ``started`` are the orders by node's name, in the order in which they were given, each with the
    time; ``stopped`` and ``closed`` tell what was asked.
    """

    def __init__(self, nodes: Sequence[Node], script: Script) -> None:
        self.now = 0.0
        self.alive = list(nodes)
        self.started: list[tuple[float, str, Order]] = []
        self.stopped: list[Ticket] = []
        self.closed = False
        self.most_at_once: dict[str, int] = {}
        self._script = script
        self._coming: list[tuple[float, int, Event | str, Node]] = []
        self._open: dict[Ticket, Node] = {}
        self._count = 0

    def clock(self) -> float:
        return self.now

    def nodes(self) -> list[Node]:
        return list(self.alive)

    def start(self, node: Node, order: bytes) -> Ticket:
        ticket = len(self.started) + 1
        asked = read_order(order)
        self.started.append((self.now, node.name, asked))
        self._open[ticket] = node
        of_node = sum(one.id == node.id for one in self._open.values())
        self.most_at_once[node.name] = max(of_node, self.most_at_once.get(node.name, 0))
        at = self.now
        if node not in self.alive:
            self._add(at, Gone(ticket), node)
            return ticket
        steps = list(self._script(node, asked))
        for delay, what in steps:
            at += delay
            if isinstance(what, bytes):
                self._add(at, Frame(ticket, what), node)
            else:
                if what == DIES:
                    self._add(at, DIES, node)
                self._add(at, Gone(ticket), node)
        if steps and isinstance(steps[-1][1], bytes) and b'"ended"' in steps[-1][1]:
            self._add(at, Gone(ticket), node)
        return ticket

    def events(self, timeout_s: float) -> list[Event]:
        until = self.now + timeout_s
        while self._coming and self._coming[0][0] <= until:
            self.now = max(self.now, self._coming[0][0])
            found = []
            while self._coming and self._coming[0][0] <= self.now:
                _, _, event, node = self._coming.pop(0)
                if event == DIES:
                    self.alive.remove(node)
                elif event.ticket in self._open:
                    if isinstance(event, Gone):
                        del self._open[event.ticket]
                    found.append(event)
            if found:
                return found
        self.now = until
        return []

    def fate(self, node: Node) -> str:
        return "its worker was killed" if node in self.alive else "the node died"

    def stop(self, ticket: Ticket) -> None:
        self.stopped.append(ticket)
        node = self._open[ticket]
        self._coming = [one for one in self._coming if one[2] == DIES or one[2].ticket != ticket]
        if node.labels.get("frozen") is None:
            self._add(self.now, Gone(ticket), node)

    def close(self) -> None:
        self.closed = True

    def joins(self, at: float, node: Node) -> None:
        """Has a node join the cluster, as seen once the time has come."""
        self.alive.append(node)

    def _add(self, at: float, event: Event | str, node: Node) -> None:
        self._count += 1
        self._coming.append((at, self._count, event, node))
        self._coming.sort(key=lambda one: one[:2])


def steps_of(parcel: bytes, *, seconds: float = 10.0, status: int = 0) -> list[Step]:
    """The steps of a node that begins at once and sends ``parcel`` after so many seconds."""
    pieces = [parcel[at : at + 1000] for at in range(0, len(parcel), 1000)]
    end = Ended(status, bytes=len(parcel), sha256=hashlib.sha256(parcel).hexdigest())
    return [
        (0.0, written(Begun(0))),
        (seconds, written(Said("measuring"))),
        *((0.0, written(Piece(piece))) for piece in pieces),
        (0.0, written(end)),
    ]
