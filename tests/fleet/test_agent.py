"""What a node does with an order, in a process of the test's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from r50bench import __version__
from r50bench.fleet import agent, node_folder
from r50bench.fleet.agent import serve
from r50bench.fleet.answer import Answer
from r50bench.fleet.attended import Attended
from r50bench.fleet.frames import Ended, Order, Said, read_frame, written
from r50bench.fleet.homecoming import unpack_home
from r50bench.fleet.host_turn import host_turn
from r50bench.fleet.survey import survey_here
from r50bench.results.history import History, history_path

MOST = 100_000_000
EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture(autouse=True)
def _private_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(node_folder, "private_folder", lambda: tmp_path)


def answer_to(order: bytes) -> Answer:
    frames: list[bytes] = []
    serve(order, frames.append, lambda frame: None)
    answer = Answer(MOST)
    for frame in frames:
        answer.take(frame)
    return answer


def test_a_node_that_is_asked_nothing_tells_of_itself() -> None:
    answer = answer_to(written(Order(__version__)))
    assert answer.ended == Ended(0)
    assert answer.survey is not None
    assert answer.survey.version == __version__


def order_of(*words: str, **more: float) -> bytes:
    bounds = {"limit_s": 100.0, "wait_s": 0.0, "most_bytes": MOST} | more
    return written(Order(__version__, words, **bounds))


@pytest.fixture
def _own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CACHE", "DATA"):
        monkeypatch.setenv(f"R50BENCH_{name}", str(tmp_path / name.lower()))


FAKE = ("--engine=fake", "--weights=random", "--steps=3", "--set=CUSTOMER_ENV=FAKE_PEAK=1,1")


@pytest.mark.usefixtures("_own_folders")
def test_a_case_is_run_and_its_record_is_sent_with_what_was_printed(tmp_path: Path) -> None:
    said: list[bytes] = []
    frames: list[bytes] = []
    serve(order_of("run", "inference_throughput_fp32", *FAKE), frames.append, said.append)
    answer = Answer(MOST)
    for frame in frames:
        answer.take(frame)
    assert answer.ended is not None
    assert answer.ended.status == 0, answer.ended.tail
    assert answer.began is not None
    parcel = answer.parcel()
    assert parcel is not None
    home = tmp_path / "home"
    home.mkdir()
    (run,) = unpack_home(parcel, home, MOST, survey_here().host.fingerprint).runs
    assert run.record.status == "valid"
    assert "Average Throughput" in (home / "output.txt").read_text()
    assert any(isinstance(read_frame(one), Said) for one in said)
    left = [path for path in (tmp_path / "fleet").iterdir() if path.is_dir()]
    assert left == [], "the folder in which it ran"
    with History(history_path()) as history:
        assert history.entries() == [], "its record is at home, and no folder here holds it"


@pytest.mark.usefixtures("_own_folders")
def test_what_is_left_of_a_run_that_failed_or_took_too_long_is_sent_too() -> None:
    fault = "--set=CUSTOMER_ENV=FAKE_FAULT=kill@3"
    ended = answer_to(order_of("run", "inference_throughput_fp32", *FAKE, fault)).ended
    assert ended is not None
    assert ended.status == 5
    assert ended.bytes > 0, "the record that says why"
    assert any(line.startswith("r50bench: ") for line in ended.tail)
    hangs = "--set=CUSTOMER_ENV=FAKE_FAULT=hang@3"
    order = order_of("run", "inference_throughput_fp32", *FAKE, hangs, limit_s=0.5)
    ended = answer_to(order).ended
    assert ended is not None
    assert (ended.status, ended.failure[:32]) == (None, "r50bench did not end within 0.5 ")


@pytest.mark.usefixtures("_own_folders")
def test_what_is_tuned_on_a_node_stays_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tune(
        words: Sequence[str],
        environment: Mapping[str, str],
        limit_s: float,
        listen: Callable[[str], None],
        output: Path,
    ) -> Attended:
        (Path(environment["R50BENCH_DATA"]) / "tuned" / "case.json").write_text("{}")
        output.touch()
        return Attended(0, ())

    monkeypatch.setattr(agent, "attend", tune)
    assert answer_to(order_of("tune", "int8")).ended == Ended(0, sha256=EMPTY)
    assert (tmp_path / "data" / "tuned" / "case.json").is_file()


def test_a_verb_that_is_not_sent_is_refused() -> None:
    ended = answer_to(order_of("cache", "remove", "--all", "--yes")).ended
    assert ended is not None
    assert ended.failure.startswith("'cache' is not sent to nodes; run, sweep, tune")


def test_a_host_that_another_has_is_not_measured_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with host_turn(0.0, pytest.fail):
        ended = answer_to(order_of("run", "inference_throughput_fp32")).ended
    assert ended is not None
    assert ended.failure.startswith("its host was not free within 0 s: another node of this host")


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
