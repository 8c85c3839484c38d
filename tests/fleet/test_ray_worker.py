"""What a worker of Ray's does: it leaves frames in the store, as many as are read."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from r50bench.errors import RunFailed
from r50bench.fleet import agent
from r50bench.fleet.frames import Ended, read_frame
from r50bench.fleet.ray_worker import work
from support.ray_in_process import Cluster

Send = Callable[[bytes], None]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    cluster.install(monkeypatch)
    return cluster


def test_a_node_without_r50bench_says_so_and_which_python_it_has(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "r50bench.fleet.agent", None)
    work(b"{}", b"us/", 8, 1.0)
    ended = read_frame(cluster.store[b"us/00000000"])
    assert isinstance(ended, Ended)
    assert "r50bench cannot be used there" in ended.failure
    assert sys.executable in ended.failure


def test_no_more_frames_wait_than_may_and_where_nobody_reads_it_ends(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(order: bytes, send: Send, tell: Send) -> None:
        for number in range(5):
            send(b"%d" % number)
            tell(b"%d" % number)
        pytest.fail("a fourth frame was not to be left")

    monkeypatch.setattr(agent, "serve", serve)
    with pytest.raises(TimeoutError, match="nobody reads"):
        work(b"{}", b"us/", 3, 0.0)
    assert cluster.store == {
        b"us/00000000": b"0",
        b"us/00000001": b"1",
        b"us/00000002": b"2",
        b"us/told": b"2",
    }


def test_what_it_runs_needs_nothing_but_what_it_imports_itself() -> None:
    names = {name for name in work.__globals__ if not name.startswith("__")}
    assert not names & set(work.__code__.co_names), "it is sent to where r50bench may be missing"
    assert RunFailed.__module__ == "r50bench.errors"
