"""What comes home of one order: its frames, checked as they come, put together at its end."""

from __future__ import annotations

import hashlib

import msgspec

from r50bench.errors import RunFailed
from r50bench.fleet.frames import (
    LONGEST_LINE,
    TAIL_LINES,
    Begun,
    Ended,
    Piece,
    Said,
    Surveyed,
    read_frame,
)
from r50bench.fleet.survey import Survey, survey_of

__all__ = ["Answer"]


class Answer:
    """Collects the frames of an order; ``most_bytes`` is all that its parcel may have.

    ``began`` is what the node said when it began, ``said`` the last line from there, ``ended`` the
    last frame, None as long as it has not come.
    """

    def __init__(self, most_bytes: int) -> None:
        self.began: Begun | None = None
        self.said = ""
        self.survey: Survey | None = None
        self.ended: Ended | None = None
        self._parcel = bytearray()
        self._most_bytes = most_bytes

    def take(self, data: bytes) -> None:
        """Takes the next frame.

        Raises:
            RunFailed: it is none, more came than may, or after the end; nothing of it counts then.
        """
        message = read_frame(data)
        if self.ended is not None and not isinstance(message, Said):
            raise RunFailed("a node sent more after it had said that it was done")
        match message:
            case Piece(data=piece):
                self._add(piece)
            case Begun():
                self.began = message
            case Said(text=text):
                self.said = _line(text)
            case Surveyed(survey=survey):
                self.survey = survey_of(survey)
            case Ended(failure=failure, tail=tail):
                self.ended = msgspec.structs.replace(
                    message, failure=_line(failure), tail=tuple(map(_line, tail[-TAIL_LINES:]))
                )

    def parcel(self) -> bytes | None:
        """Returns the bytes of the parcel, None where nothing was sent.

        Raises:
            RunFailed: they are not those that the node has announced.
        """
        if self.ended is None:
            return None
        data = bytes(self._parcel)
        if len(data) != self.ended.bytes:
            raise RunFailed(f"{len(data)} bytes came home, and {self.ended.bytes} were announced")
        if data and hashlib.sha256(data).hexdigest() != self.ended.sha256:
            raise RunFailed("what came home is not what was sent: its sha256 differs")
        return data or None

    def _add(self, piece: bytes) -> None:
        if len(self._parcel) + len(piece) > self._most_bytes:
            raise RunFailed(f"more came home than the {self._most_bytes:,} bytes that are allowed")
        self._parcel += piece


def _line(text: str) -> str:
    """Returns what is shown of a text: one line, and not for ever."""
    return " ".join(text[:LONGEST_LINE].split())
