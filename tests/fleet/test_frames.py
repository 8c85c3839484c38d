"""Frames: what is written can be read, and nothing else can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.errors import RunFailed
from r50bench.fleet.frames import (
    LARGEST_PIECE,
    Begun,
    Ended,
    Order,
    Piece,
    Said,
    Surveyed,
    read_frame,
    read_order,
    written,
)


@pytest.mark.parametrize(
    "message",
    [
        Said("measuring round 1"),
        Begun(15),
        Surveyed({"version": "1"}),
        Ended(5, "no reason", ("last", "lines"), 7, "a" * 64),
        Piece(b"PK\x03\x04"),
        Piece(b""),
    ],
)
def test_a_frame_reads_as_what_was_written(message: object) -> None:
    assert read_frame(written(message)) == message


def test_an_order_reads_as_what_was_written() -> None:
    order = Order("0.1.0", ("run", "inference_latency_int8"), 60.0, 5.0, 1000)
    assert read_order(written(order)) == order


def test_an_order_with_words_of_a_later_version_is_refused_and_not_half_understood() -> None:
    with pytest.raises(ValueError, match="priority"):
        read_order(b'{"version": "9", "words": ["run"], "priority": 3}')


@given(st.binary(max_size=300))
def test_whatever_bytes_a_node_sends_are_a_message_or_refused(data: bytes) -> None:
    try:
        message = read_frame(data)
    except RunFailed:
        return
    assert isinstance(message, Piece | Said | Begun | Surveyed | Ended)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"type": "said"}',
        b'{"type": "said", "text": 3}',
        b'{"type": "ended", "bytes": "many"}',
        b'{"type": "pickle", "text": ""}',
        b"\x80\x04\x95\x00",
        b"#" + bytes(LARGEST_PIECE + 1),
        b'{"type": "said", "text": "' + b"x" * LARGEST_PIECE + b'"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_or_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(RunFailed, match="a node sent"):
        read_frame(data)


def test_what_a_node_says_moves_no_cursor() -> None:
    assert read_frame(b'{"type": "said", "text": "\\u001b[2J"}') == Said("\\x1b[2J")
