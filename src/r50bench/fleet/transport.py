"""What carries a fleet: nodes, orders to them, and the frames that come back.

All that goes either way is bytes. What they mean is for :mod:`.frames` to check: a transport
unpacks nothing of a node's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Event", "Frame", "Gone", "Node", "Ticket", "Transport"]

Ticket = int
"""What a transport calls an order that it has taken, from 1 on."""


@dataclass(frozen=True)
class Node:
    """A machine as the cluster knows it.

    ``id`` is new whenever it joins, ``place`` is not: its name, address, labels and what it offers,
    by which one that was started again is known, and told from a head on the same machine.
    ``cpus`` are what it offers to the cluster's tasks; ``exclusive`` says that it declares the
    resource by which one of them keeps others away.
    """

    id: str
    name: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    cpus: float = 0.0
    exclusive: bool = False

    @property
    def place(self) -> tuple[Hashable, ...]:
        labels = tuple(sorted(self.labels.items()))
        return self.name, self.address, labels, self.cpus, self.exclusive


@dataclass(frozen=True)
class Frame:
    """Bytes that a node has sent about an order."""

    ticket: Ticket
    data: bytes


@dataclass(frozen=True)
class Gone:
    """Nothing more comes of an order: all its frames have been told."""

    ticket: Ticket


Event = Frame | Gone


class Transport(Protocol):
    """How a fleet's nodes are reached. Methods raise RunFailed where the cluster is lost."""

    def nodes(self) -> Sequence[Node]:
        """Returns the nodes that are alive now."""

    def start(self, node: Node, order: bytes) -> Ticket:
        """Sends an order to a node, which has nothing else to do meanwhile; does not wait."""

    def events(self, timeout_s: float) -> Iterable[Event]:
        """Returns what has happened, after waiting for it for ``timeout_s`` at most.

        Frames of an order come in the order in which they were sent, and Gone after them.
        """

    def fate(self, node: Node) -> str:
        """Returns what has become of a node whose order is gone and has not said that it ended."""

    def stop(self, ticket: Ticket) -> None:
        """Has the node end, at once, all that the order has started there. It is told as gone."""

    def close(self) -> None:
        """Ends what is left of all orders, and leaves the cluster."""
