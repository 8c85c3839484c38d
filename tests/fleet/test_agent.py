"""What a node does with an order, in a process of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench import __version__
from r50bench.fleet import node_folder
from r50bench.fleet.agent import serve
from r50bench.fleet.answer import Answer
from r50bench.fleet.frames import Ended, Order, read_frame, written


@pytest.fixture(autouse=True)
def _private_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(node_folder, "private_folder", lambda: tmp_path)


def answer_to(order: bytes) -> Answer:
    frames: list[bytes] = []
    serve(order, frames.append, lambda frame: None)
    answer = Answer(1 << 30)
    for frame in frames:
        answer.take(frame)
    return answer


def test_a_node_that_is_asked_nothing_tells_of_itself() -> None:
    answer = answer_to(written(Order(__version__)))
    assert answer.ended == Ended(0)
    assert answer.survey is not None
    assert answer.survey.version == __version__


def test_an_order_of_a_later_version_is_answered_with_what_is_not_understood() -> None:
    frames: list[bytes] = []
    serve(b'{"version": "9.0", "errand": 1}', frames.append, lambda frame: None)
    (ended,) = map(read_frame, frames)
    assert isinstance(ended, Ended)
    assert f"r50bench {__version__} there does not understand" in ended.failure


def test_a_node_that_can_write_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_folder, "private_folder", lambda: None)
    ended = answer_to(written(Order(__version__))).ended
    assert ended is not None
    assert ended.failure == "nothing temporary can be written"
