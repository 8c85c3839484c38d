"""What a fleet is to do: errands, and how long and how often each may be tried."""

from __future__ import annotations

from dataclasses import dataclass

from r50bench.fleet.roll_call import Present
from r50bench.fleet.survey import Survey
from r50bench.fleet.transport import Node

__all__ = ["Errand", "FleetPlan", "Seat", "seats_of"]

_LARGEST_PARCEL = 256 << 20


@dataclass(frozen=True)
class Errand:
    """One call of r50bench on a node: ``words`` with the verb first, to answer ``question``.

    ``several``: what it leaves are answers to questions of their own. ``anywhere``: one node
    answers for all, whichever is free.
    """

    question: str
    words: tuple[str, ...]
    several: bool = False
    anywhere: bool = False


@dataclass(frozen=True)
class FleetPlan:
    """Errands for every node, and their bounds.

    A node has ``limit_s`` for each from when it begins, and ``patience_s`` to begin. What has
    failed is tried ``retries`` times again. At most ``most_bytes`` come home of each.
    """

    errands: tuple[Errand, ...]
    limit_s: float = 3600.0
    patience_s: float = 600.0
    retries: int = 0
    most_bytes: int = _LARGEST_PARCEL


@dataclass(frozen=True)
class Seat:
    """A node that takes part, under its title; ``host`` is the same for nodes of one host."""

    node: Node
    title: str
    host: str
    survey: Survey

    @property
    def fingerprint(self) -> str | None:
        """What the records of its host carry."""
        return self.survey.host.fingerprint


def seats_of(present: list[Present]) -> list[Seat]:
    """Returns a seat for each node that has told of itself."""
    return [
        Seat(one.node, one.title, one.survey.boot or one.node.id, one.survey)
        for one in present
        if one.survey is not None
    ]
