"""What comes home of an order, put together and held against what was announced."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from r50bench.errors import RunFailed
from r50bench.fleet.answer import Answer
from r50bench.fleet.frames import Begun, Ended, Piece, Said, Surveyed, written
from support.surveys import survey

PARCEL = bytes(range(256)) * 10


def ended(data: bytes, **more: object) -> Ended:
    values = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **more}
    return Ended(0, **values)


def answer_of(*messages: object, most_bytes: int = 10_000) -> Answer:
    answer = Answer(most_bytes)
    for message in messages:
        answer.take(written(message))
    return answer


def test_a_parcel_is_its_pieces_in_order() -> None:
    answer = answer_of(Begun(0), Said("a"), Piece(PARCEL[:7]), Piece(PARCEL[7:]), ended(PARCEL))
    assert (answer.parcel(), answer.said, answer.began) == (PARCEL, "a", Begun(0))


def test_as_long_as_the_end_has_not_come_there_is_no_parcel() -> None:
    assert answer_of(Piece(PARCEL)).parcel() is None


def test_a_node_that_left_nothing_has_no_parcel() -> None:
    assert answer_of(Ended(2, "it was refused")).parcel() is None


def test_a_survey_is_read_and_checked() -> None:
    told = survey()
    assert answer_of(Surveyed(msgspec.to_builtins(told))).survey == told
    with pytest.raises(RunFailed, match="told of itself what cannot be read"):
        answer_of(Surveyed({"version": 3}))


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ((Piece(PARCEL[1:]), ended(PARCEL)), "2559 bytes came home, and 2560 were announced"),
        ((ended(PARCEL),), "0 bytes came home"),
        ((Piece(PARCEL[::-1]), ended(PARCEL)), "sha256 differs"),
        ((Piece(PARCEL), ended(PARCEL, sha256="")), "sha256 differs"),
    ],
)
def test_bytes_that_are_not_those_announced_are_refused(
    messages: tuple[object, ...], why: str
) -> None:
    with pytest.raises(RunFailed, match=why):
        answer_of(*messages).parcel()


def test_more_than_is_allowed_is_refused_as_it_comes() -> None:
    answer = answer_of(Piece(PARCEL), most_bytes=len(PARCEL))
    with pytest.raises(RunFailed, match="more came home than the 2,560 bytes"):
        answer.take(written(Piece(b"x")))


def test_what_comes_after_the_end_is_refused_but_for_a_word_of_progress() -> None:
    answer = answer_of(Ended(0), Said("late"))
    for message in (Piece(b""), Ended(0), Begun(0)):
        with pytest.raises(RunFailed, match="after it had said that it was done"):
            answer.take(written(message))


def test_what_a_node_says_is_one_line_and_not_for_ever() -> None:
    answer = answer_of(Said("one\ntwo " + "x" * 1000), Ended(5, "a\nb", ("c\td",) * 100))
    assert answer.said.startswith("one two x")
    assert len(answer.said) == 500
    assert answer.ended == Ended(5, "a b", ("c d",) * 25)
