"""What Ray is asked for, on a Ray in this process; tests/system/fleet.py has real ones."""

from __future__ import annotations

import importlib.util
import signal
import socket
from collections.abc import Callable, Iterator

import pytest

from r50bench.errors import RunFailed, Unsupported, UsageError
from r50bench.fleet import agent, ray_transport
from r50bench.fleet.ray_transport import RayTransport
from r50bench.fleet.transport import Event, Frame, Gone, Node
from support.ray_in_process import Cluster, raw_node


@pytest.fixture
def head() -> Iterator[socket.socket]:
    """What listens where the cluster is."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def address_of(head: socket.socket) -> str:
    return f"127.0.0.1:{head.getsockname()[1]}"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, head: socket.socket) -> Cluster:
    cluster = Cluster()
    cluster.install(monkeypatch)
    cluster.raw_nodes = [raw_node("a" * 56)]
    monkeypatch.setattr(ray_transport, "admit", lambda address: (address_of(head), True))
    monkeypatch.setattr(ray_transport, "_DEATH_S", 0.0)
    return cluster


def answering(monkeypatch: pytest.MonkeyPatch, *frames: bytes) -> None:
    def serve(order: bytes, send: Callable[[bytes], None], tell: Callable[[bytes], None]) -> None:
        for frame in frames:
            send(frame)
        tell(b"at last " + order)

    monkeypatch.setattr(agent, "serve", serve)


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unsupported, match="Ray, which is not installed") as caught:
        RayTransport("auto")
    assert "pip install 'r50bench[fleet]'" in str(caught.value.hint)


def test_nodes_are_those_alive_with_their_host_for_a_name_where_ray_has_an_address(
    cluster: Cluster,
) -> None:
    cluster.raw_nodes = [
        raw_node("a" * 56),
        raw_node("b" * 56, NodeName="mine", Resources={"r50bench": 1.0}, Labels={}),
        raw_node("c" * 56, Alive=False),
    ]
    assert RayTransport("auto").nodes() == [
        Node("a" * 56, "box", "192.0.2.1", {"type": "c7i"}, 8.0, False),
        Node("b" * 56, "mine", "192.0.2.1", {}, 0.0, True),
    ]


def test_an_order_has_its_node_and_all_that_it_offers(cluster: Cluster) -> None:
    cluster.held = True
    transport = RayTransport("auto")
    (node,) = transport.nodes()
    transport.start(node, b"order")
    transport.start(Node("b" * 56, "b", "192.0.2.2", cpus=0.0, exclusive=True), b"order")
    assert cluster.options == [
        {
            "num_cpus": 8.0,
            "resources": {},
            "max_retries": 0,
            "scheduling_strategy": ("a" * 56, False),
        },
        {
            "num_cpus": 0.0,
            "resources": {"r50bench": 1},
            "max_retries": 0,
            "scheduling_strategy": ("b" * 56, False),
        },
    ]


def test_frames_come_in_their_order_then_what_was_told_last_then_the_end(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [b"%d" % number for number in range(8)]
    answering(monkeypatch, *frames)
    transport = RayTransport("auto")
    ticket = transport.start(transport.nodes()[0], b"words")
    found: list[Event] = transport.events(0.0)
    assert found == [
        *(Frame(ticket, frame) for frame in frames),
        Frame(ticket, b"at last words"),
        Gone(ticket),
    ]
    assert not cluster.store
    assert transport.events(0.0) == []


def test_what_lies_in_the_store_under_no_order_of_ours_is_no_frame(cluster: Cluster) -> None:
    cluster.held = True
    transport = RayTransport("auto")
    transport.start(transport.nodes()[0], b"words")
    (prefix,) = {transport._prefix}
    cluster.store |= {prefix + b"x/00000000": b"", prefix + b"00000007/00000000": b"", b"else": b""}
    assert transport.events(0.0) == []
    assert list(cluster.store) == [b"else"]


def test_a_task_that_waits_is_ended_by_force_and_so_is_what_is_left_at_the_end(
    cluster: Cluster,
) -> None:
    cluster.held = True
    transport = RayTransport("auto")
    (node,) = transport.nodes()
    first, second = transport.start(node, b"1"), transport.start(node, b"2")
    cluster.store[transport._prefix + b"00000002/00000000"] = b"left"
    transport.stop(first)
    assert Gone(first) in transport.events(0.0)
    transport.stop(first)
    cluster.store[transport._prefix + b"00000002/00000001"] = b"left"
    transport.close()
    assert len(cluster.cancelled) == 2
    assert not cluster.open
    assert not cluster.store
    assert not cluster.connected
    assert second == 2


def test_no_error_of_a_node_is_unpacked_to_be_shown(cluster: Cluster) -> None:
    RayTransport("auto")
    cluster.worker.raise_errors([(b"pickle", b"")], [None])


def test_ray_prints_nothing_of_a_node_that_dies(cluster: Cluster) -> None:
    RayTransport("auto")
    cluster.worker_module.print_to_stdstream({"lines": ["a page"]}, ignore_prefix=False)


def test_what_became_of_a_node_is_its_death_or_its_workers(cluster: Cluster) -> None:
    transport = RayTransport("auto")
    (node,) = transport.nodes()
    assert transport.fate(node) == "the process of Ray's that attended it was killed"
    dead = raw_node("a" * 56, Alive=False, DeathReasonMessage="health check failed")
    cluster.raw_nodes = [dead]
    assert transport.fate(node) == "the node died: health check failed"
    cluster.raw_nodes = []
    assert transport.fate(node) == "the node died"


def test_a_cluster_that_is_lost_is_said_in_one_line(cluster: Cluster) -> None:
    transport = RayTransport("auto")
    cluster.lost = True
    for call in (transport.nodes, lambda: transport.events(0.0)):
        transport._sent[1] = ray_transport._Sent(Node("", "", ""), object())
        with pytest.raises(RunFailed, match=r"the cluster was lost: Failed to connect to GCS\.$"):
            call()
    transport.close()


def test_a_head_that_is_gone_is_not_asked_since_ray_would_end_the_process(
    cluster: Cluster, head: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_transport, "_HEAD_S", 0.2)
    cluster.held = True
    transport = RayTransport("auto")
    (node,) = transport.nodes()
    transport.start(node, b"words")
    head.close()
    monkeypatch.setattr(transport._store, "_internal_kv_list", lambda _: pytest.fail("asked"))
    with pytest.raises(RunFailed, match="lost: its head does not answer any more"):
        transport.events(0.0)
    transport.close()
    assert cluster.cancelled == []
    assert not cluster.connected


def test_an_open_cluster_that_others_can_reach_is_left_at_once(
    cluster: Cluster, head: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_transport, "admit", lambda address: (address_of(head), False))
    with pytest.raises(UsageError, match=r"who reaches 192\.0\.2\.1 can run anything"):
        RayTransport("auto")
    assert not cluster.connected
    cluster.raw_nodes = [raw_node("a" * 56, NodeManagerAddress="127.0.0.1")]
    assert RayTransport("auto").nodes()


def test_where_the_heads_server_for_us_died_at_once_another_is_asked_for(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    joined = iter([RuntimeError("RuntimeError: Starting Ray client server failed. See …")])

    def init(address: str, **more: object) -> None:
        for error in joined:
            raise error
        cluster.connected = True

    monkeypatch.setattr(ray, "init", init)
    RayTransport("ray://192.0.2.1:10001")
    assert cluster.connected


def test_one_that_cannot_be_joined_is_said_in_one_line_and_signals_stay_ours(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def refuse(address: str, **more: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise RuntimeError("Version mismatch: Ray 2.60.0\nand a page of it")

    def ours(*_: object) -> None: ...

    monkeypatch.setattr(ray, "init", refuse)
    before = signal.signal(signal.SIGTERM, ours)
    try:
        with pytest.raises(RunFailed, match=r"cannot be joined: Version mismatch: Ray 2.60.0$"):
            RayTransport("auto")
        assert signal.getsignal(signal.SIGTERM) is ours
    finally:
        signal.signal(signal.SIGTERM, before)
