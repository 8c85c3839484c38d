"""A cluster of Ray's as a :class:`.Transport`.

Results of Ray's tasks are pickles, which run what their maker likes where they are unpacked. None
is asked for: a task returns nothing, and what a node has to say it leaves as bytes in the store
of the cluster's head, which hands them out as they are.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from r50bench.errors import RunFailed, Unsupported
from r50bench.fleet.admission import admit, refuse_open
from r50bench.fleet.transport import Event, Frame, Gone, Node, Ticket
from r50bench.wording import visible

__all__ = ["EXCLUSIVE", "RayTransport"]

EXCLUSIVE = "r50bench"
"""The resource that a node may declare, one of it, so that one order at a time is its own."""

_MOST_WAITING = 8
_NOBODY_READS_S = 600.0
_SOONEST_S, _LATEST_S = 0.05, 1.0
_DEATH_S, _END_S = 3.0, 10.0
_HEAD_S = 20.0
"""How long the head may be away: Ray ends the whole process when it has missed it for 60 s."""

_SERVER_DIED = "Starting Ray client server failed"
"""The head starts a server for each ``ray://``. Now and then one is gone at once; another lives."""

_OWN_LABELS = "ray.io/"
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # of which Ray 2.52 warns every driver
}
"""What Ray would say, or do, unasked."""


@dataclass
class _Sent:
    node: Node
    reference: Any


class RayTransport:
    """The cluster at ``address``: ``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``. Close it.

    A task has all that its node offers, so that no other of Ray's runs beside it.

    Raises:
        Unsupported: Ray is not installed.
        UsageError: the cluster lets in everybody, or does not let us in.
        RunFailed: nobody answers there.
    """

    def __init__(self, address: str) -> None:
        if importlib.util.find_spec("ray") is None:
            raise Unsupported(
                "a fleet is reached by Ray, which is not installed",
                hint="pip install 'r50bench[fleet]', here and on every node",
            )
        self.address, guarded = admit(address)
        self._ray = _connected(self.address)
        from ray.experimental import internal_kv

        self._store = internal_kv
        self._prefix = b"r50bench-%s/" % secrets.token_hex(8).encode()
        self._numbers = itertools.count(1)
        self._sent: dict[Ticket, _Sent] = {}
        self._pause = _SOONEST_S
        try:
            if not guarded:
                refuse_open(self.address, (node.address for node in self.nodes()))
            self._task = self._ray.remote(_sent_by_value())
        except BaseException:
            self.close()
            raise

    def nodes(self) -> list[Node]:
        with self._asking():
            return [_node(raw) for raw in self._ray.nodes() if raw.get("Alive")]

    def start(self, node: Node, order: bytes) -> Ticket:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ticket = next(self._numbers)
        with self._asking():
            reference = self._task.options(
                num_cpus=node.cpus,
                resources={EXCLUSIVE: 1} if node.exclusive else {},
                max_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
            ).remote(order, self._channel(ticket), _MOST_WAITING, _NOBODY_READS_S)
        self._sent[ticket] = _Sent(node, reference)
        return ticket

    def events(self, timeout_s: float) -> list[Event]:
        until = time.monotonic() + timeout_s
        while True:
            with _losses_told():
                done = self._done(min(self._pause, max(0.0, until - time.monotonic())))
            with self._asking():
                found: list[Event] = [*self._frames()]
            for ticket in done:
                del self._sent[ticket]
                found.append(Gone(ticket))
            # Across calls: each look costs the head some, and it may share its CPUs with a node.
            self._pause = _SOONEST_S if found else min(2 * self._pause, _LATEST_S)
            if found or time.monotonic() >= until:
                return found

    def fate(self, node: Node) -> str:
        """A node's death takes some seconds to be known, a worker's shows at once."""
        until = time.monotonic() + _DEATH_S
        while True:
            with self._asking():
                now = {raw["NodeID"]: raw for raw in self._ray.nodes()}.get(node.id, {})
            if not now.get("Alive"):
                said = str(now.get("DeathReasonMessage") or "").strip()
                return f"the node died{f': {said}' if said else ''}"
            if time.monotonic() > until:
                return "the process of Ray's that attended it was killed"
            time.sleep(_SOONEST_S)

    def stop(self, ticket: Ticket) -> None:
        sent = self._sent.get(ticket)
        if sent is not None and _answers(self.address):
            self._cancel(sent)

    def close(self) -> None:
        if _answers(self.address):
            with suppress(Exception):  # whatever is lost with the cluster need not be ended
                self._end_all()
        self._sent.clear()
        with suppress(Exception):
            self._ray.shutdown()

    def _cancel(self, sent: _Sent) -> None:
        # By force: a task that waits cannot be interrupted. What it has started dies with it.
        with suppress(Exception):  # it is done, or its node is gone
            self._ray.cancel(sent.reference, force=True)

    def _end_all(self) -> None:
        for sent in self._sent.values():
            self._cancel(sent)
        left = [sent.reference for sent in self._sent.values()]
        if left:
            self._ray.wait(left, num_returns=len(left), timeout=_END_S, fetch_local=False)
        self._store._internal_kv_del(self._prefix, del_by_prefix=True)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Has the head asked only while it answers.

        Raises:
            RunFailed: it does not any more.
        """
        with _losses_told():
            until = time.monotonic() + _HEAD_S
            while not _answers(self.address):
                if time.monotonic() >= until:
                    raise ConnectionError("its head does not answer any more")
                time.sleep(_SOONEST_S)
            yield

    def _channel(self, ticket: Ticket) -> bytes:
        return self._prefix + b"%08d/" % ticket

    def _done(self, timeout_s: float) -> list[Ticket]:
        """Returns the orders that nothing more comes of, after waiting for one for so long."""
        waiting = {sent.reference: ticket for ticket, sent in self._sent.items()}
        if not waiting:
            time.sleep(timeout_s)
            return []
        ready, _ = self._ray.wait([*waiting], timeout=timeout_s, fetch_local=False)
        if ready:
            ready, _ = self._ray.wait(
                [*waiting], num_returns=len(waiting), timeout=0, fetch_local=False
            )
        return [waiting[reference] for reference in ready]

    def _frames(self) -> Iterator[Frame]:
        """Takes what lies in the store, in order; ``told`` comes after what is numbered."""
        for key in sorted(self._store._internal_kv_list(self._prefix)):
            number = key[len(self._prefix) :].partition(b"/")[0]
            ticket = int(number) if number.isdigit() else 0
            data = self._store._internal_kv_get(key)
            self._store._internal_kv_del(key)
            if data is not None and ticket in self._sent:
                yield Frame(ticket, data)


def _answers(address: str) -> bool:
    """Whether anybody listens there; of a client's server Ray itself tells that it is gone."""
    if address.startswith("ray://"):
        return True
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_LATEST_S).close()
    except OSError:
        return False
    return True


def _connected(address: str) -> Any:
    """Returns the module ray, connected.

    Raises:
        RunFailed: the cluster does not let us join, though it answers.
    """
    for name, text in _QUIET.items():
        os.environ.setdefault(name, text)
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    import ray

    try:
        try:
            _join(ray, address)
        except Exception as error:
            if _SERVER_DIED not in str(error):
                raise
            _join(ray, address)
    except (Exception, SystemExit) as error:  # Ray's are of any kind
        raise RunFailed(
            f"the cluster at {address} cannot be joined: {_in_a_line(error)}",
            hint="HOST:PORT is for machines that belong to it ('ray start' on this one),"
            " ray://HOST:10001 for others; Ray and Python are of the same version on all",
        ) from error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    _unpack_no_errors()
    _print_nothing()
    return ray


def _join(ray: Any, address: str) -> None:
    ray.init(address, log_to_driver=False, logging_level="ERROR", namespace="r50bench")


def _unpack_no_errors() -> None:
    """Has Ray not unpack the error of a task whose result nobody has asked for, only to show it."""
    from ray._private.worker import global_worker

    global_worker.raise_errors = lambda *_: None


def _print_nothing() -> None:
    """Has Ray not print, between what is ours, the last lines of the log of a node that died."""
    from ray._private import worker

    worker.print_to_stdstream = lambda *_, **__: None


def _sent_by_value() -> Any:
    """Returns what a worker runs, to be sent as it is: r50bench may be missing there."""
    from ray import cloudpickle

    from r50bench.fleet import ray_worker

    cloudpickle.register_pickle_by_value(ray_worker)
    return ray_worker.work


def _node(raw: dict[str, Any]) -> Node:
    address, name = visible(raw["NodeManagerAddress"]), visible(raw.get("NodeName") or "")
    host = visible(raw.get("NodeManagerHostname") or address)
    resources = raw.get("Resources") or {}
    labels = raw.get("Labels") or {}
    return Node(
        id=str(raw["NodeID"]),
        name=host if name in ("", address) else name,
        address=address,
        labels={
            visible(key): visible(text)
            for key, text in labels.items()
            if not key.startswith(_OWN_LABELS)
        },
        cpus=float(resources.get("CPU", 0.0)),
        exclusive=resources.get(EXCLUSIVE, 0) >= 1,
    )


def _in_a_line(error: BaseException) -> str:
    """Returns what an error of Ray's says; what a server has failed of stands at its end."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{lines[0]} {lines[-1].strip()}" if lines[0].endswith(":") else lines[0]


@contextmanager
def _losses_told() -> Iterator[None]:
    """Raises RunFailed where the cluster's head does not answer any more."""
    try:
        yield
    except Exception as error:
        raise RunFailed(
            f"the cluster was lost: {_in_a_line(error)}",
            hint="what has come home is kept; look at the head's log, and go on when it is back",
        ) from error
