"""As much of Ray as a fleet asks for, in this process: tasks are called when they are sent.

To be put into ``sys.modules`` under Ray's names. It unpacks nothing: whoever calls ``get`` fails.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest


class Cluster:
    """``held`` are orders that have begun and do not end; ``lost`` makes every call fail."""

    def __init__(self) -> None:
        self.store: dict[bytes, bytes] = {}
        self.raw_nodes: list[dict[str, Any]] = []
        self.options: list[dict[str, Any]] = []
        self.held = False
        self.lost = False
        self.open: set[object] = set()
        self.cancelled: list[object] = []
        self.connected = False
        self.address = ""

    def modules(self) -> dict[str, types.ModuleType]:
        """The modules by name."""
        ray = types.ModuleType("ray")
        ray.__path__ = []
        ray.__spec__ = types.SimpleNamespace(name="ray")
        ray.init = self._init
        ray.nodes = self._nodes
        ray.remote = self._remote
        ray.wait = self._wait
        ray.cancel = self._cancel
        ray.shutdown = self._shutdown
        ray.get = lambda *_: pytest.fail("results of Ray's are pickles")
        cloudpickle = types.ModuleType("ray.cloudpickle")
        cloudpickle.register_pickle_by_value = lambda module: None
        ray.cloudpickle = cloudpickle
        kv = types.ModuleType("ray.experimental.internal_kv")
        kv._internal_kv_put = self._put
        kv._internal_kv_get = self.store.get
        kv._internal_kv_exists = self.store.__contains__
        kv._internal_kv_list = lambda prefix: [key for key in self.store if key.startswith(prefix)]
        kv._internal_kv_del = self._delete
        experimental = types.ModuleType("ray.experimental")
        experimental.internal_kv = kv
        strategies = types.ModuleType("ray.util.scheduling_strategies")
        strategies.NodeAffinitySchedulingStrategy = lambda node, soft: (node, soft)
        worker = types.ModuleType("ray._private.worker")
        worker.global_worker = types.SimpleNamespace(
            raise_errors=lambda *_: pytest.fail("an error of a node's was unpacked")
        )
        worker.print_to_stdstream = lambda *_, **__: pytest.fail("Ray has printed")
        self.worker = worker.global_worker
        self.worker_module = worker
        return {
            "ray": ray,
            "ray.cloudpickle": cloudpickle,
            "ray.experimental": experimental,
            "ray.experimental.internal_kv": kv,
            "ray.util": types.ModuleType("ray.util"),
            "ray.util.scheduling_strategies": strategies,
            "ray._private": types.ModuleType("ray._private"),
            "ray._private.worker": worker,
        }

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, module in self.modules().items():
            monkeypatch.setitem(sys.modules, name, module)

    def _put(self, key: bytes, value: bytes) -> None:
        assert isinstance(value, bytes)
        self.store[key] = value

    def _delete(self, key: bytes, del_by_prefix: bool = False) -> None:
        for name in list(self.store):
            if name == key or (del_by_prefix and name.startswith(key)):
                del self.store[name]

    def _init(self, address: str, **more: Any) -> None:
        self.address, self.connected = address, True

    def _shutdown(self) -> None:
        self.connected = False

    def _nodes(self) -> list[dict[str, Any]]:
        if self.lost:
            raise ConnectionError("Failed to connect to GCS.\nmany more lines")
        return self.raw_nodes

    def _remote(self, function: Callable[..., None]) -> Any:
        def options(**asked: Any) -> Any:
            self.options.append(asked)

            def remote(*args: Any) -> object:
                reference = object()
                if self.held:
                    self.open.add(reference)
                else:
                    function(*args)
                return reference

            return types.SimpleNamespace(remote=remote)

        return types.SimpleNamespace(options=options)

    def _wait(self, references: list[object], **asked: Any) -> tuple[list[object], list[object]]:
        if self.lost:
            raise ConnectionError("Failed to connect to GCS.\nmany more lines")
        done = [one for one in references if one not in self.open]
        return done[: asked.get("num_returns", 1)], []

    def _cancel(self, reference: object, force: bool = False) -> None:
        assert force, "a task that waits cannot be interrupted"
        self.cancelled.append(reference)
        self.open.discard(reference)


def raw_node(identity: str, **more: Any) -> dict[str, Any]:
    """A node as ``ray.nodes()`` tells of it."""
    return {
        "NodeID": identity,
        "Alive": True,
        "NodeManagerAddress": "192.0.2.1",
        "NodeManagerHostname": "box",
        "NodeName": "192.0.2.1",
        "Resources": {"CPU": 8.0, "memory": 1e9},
        "Labels": {"ray.io/node-id": identity, "type": "c7i"},
        "DeathReasonMessage": "",
    } | more
