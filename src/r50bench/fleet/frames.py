"""What nodes and the one who asks them say to each other: small JSON, and pieces of a parcel.

A frame is one JSON object that msgspec checks, or a piece of the parcel behind a ``#``. Neither is
ever more than a known number of bytes, and nothing in it is code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from r50bench.errors import RunFailed
from r50bench.results.files import plain_json, to_json

__all__ = [
    "LARGEST_PIECE",
    "LONGEST_LINE",
    "TAIL_LINES",
    "Begun",
    "Ended",
    "Message",
    "Order",
    "Piece",
    "Said",
    "Surveyed",
    "read_frame",
    "read_order",
    "written",
]

LARGEST_PIECE = 1 << 20
LONGEST_LINE = 500
"""Characters that are sent, and shown, of a line of r50bench's on a node."""

TAIL_LINES = 25
"""How many of its last lines come with the end of an order."""

_LARGEST_MESSAGE = 1 << 20
_PIECE = b"#"


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a node is to do: tell of itself, or run r50bench with ``words``.

    ``limit_s`` is how long it may take from when it begins, ``wait_s`` how long it may wait for
    others to be done on its host; ``most_bytes`` are all that may come home of it. Without
    ``words`` the node tells of itself.
    """

    version: str
    words: tuple[str, ...] = ()
    limit_s: float = 0.0
    wait_s: float = 0.0
    most_bytes: int = 0


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A line of what r50bench says on the node while it works."""

    text: str


class Begun(msgspec.Struct, frozen=True, tag="begun"):
    """Nothing is waited for any more: from here on the order's time counts."""

    nice: int


class Surveyed(msgspec.Struct, frozen=True, tag="surveyed"):
    """What :mod:`.survey` found on the node."""

    survey: dict[str, Any]


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The last frame of an order.

    ``status`` is the exit code of r50bench, None where it has none; ``failure`` is why the order
    was not carried out, empty where it was; ``tail`` the end of what r50bench said. The parcel has
    ``bytes`` bytes with that hash, and none at all where nothing was left.
    """

    status: int | None = None
    failure: str = ""
    tail: tuple[str, ...] = ()
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Piece:
    """The next bytes of the parcel."""

    data: bytes = field(repr=False)


Message = Said | Begun | Surveyed | Ended


def written(message: Message | Piece | Order) -> bytes:
    """Returns the frame of a message."""
    if isinstance(message, Piece):
        return _PIECE + message.data
    return to_json(message)


def read_frame(data: bytes) -> Message | Piece:
    """Returns what a frame from a node says.

    Raises:
        RunFailed: it is none, or larger than any.
    """
    if data[:1] == _PIECE:
        if len(data) - 1 > LARGEST_PIECE:
            raise RunFailed(f"a node sent a piece of {len(data) - 1} bytes")
        return Piece(data[1:])
    if len(data) > _LARGEST_MESSAGE:
        raise RunFailed(f"a node sent a message of {len(data)} bytes")
    try:
        message: Message = msgspec.convert(plain_json(data), Message)
    except ValueError as error:  # msgspec's is one
        raise RunFailed(f"a node sent what is no message: {error}") from error
    return message


def read_order(data: bytes) -> Order:
    """Returns the order in a frame; raises ValueError where it is none that is known here."""
    return msgspec.convert(plain_json(data), Order)
