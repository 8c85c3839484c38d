"""The system under test: how LoadGen's queries reach the instances, by scenario.

LoadGen calls ``issue`` on the thread that started the test. An exception there, or in an instance,
must not reach LoadGen's C++ code, which would crash; and a query without an answer keeps LoadGen
waiting for ever. So the first error of any thread ends the wait of the worker's main thread, which
reports it; LoadGen itself cannot be stopped, and ends with the worker process.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from r50bench.measure.instance import Instance
from r50bench.measure.loads.loadgen.batching import order_in_runs
from r50bench.measure.loads.loadgen.qsl import SampleLibrary, Work
from r50bench.measure.loads.loadgen.responder import Responder

__all__ = ["Ending", "SystemUnderTest"]


class Ending:
    """How a test ends: when it is over, or at the first error of any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._error: BaseException | None = None

    def over(self) -> None:
        self._event.set()

    def fail(self, error: BaseException) -> None:
        """Says that it cannot; only the first error counts."""
        if self._error is None:
            self._error = error
        self._event.set()

    def wait(self) -> None:
        """Blocks until the test ends, and raises its error if it has one."""
        self._event.wait()
        if self._error is not None:
            raise self._error

    def watch(self, future: Future[object]) -> None:
        """Has ``future``'s error, if it comes to one, end the test."""
        future.add_done_callback(self._heed)

    def _heed(self, future: Future[object]) -> None:
        error = future.exception()
        if error is not None:
            self.fail(error)


class SystemUnderTest:
    """Takes queries and has the instances answer them.

    With one instance, SingleStream and MultiStream are answered on the issuing thread, which must
    then be the instance's own (:attr:`inline`). Otherwise queries go through one queue that all
    instances take from: Offline in whole batches, MultiStream in a share per instance, Server in
    what waits when an instance is free.

    Where LoadGen's own threads ``share_cpus`` with an instance that answers inline, the two take
    turns (:attr:`takes_turns`): theirs is after each query.
    """

    def __init__(
        self,
        scenario: str,
        instances: list[Instance],
        responders: list[Responder],
        library: SampleLibrary,
        batch_size: int,
        ending: Ending,
        *,
        share_cpus: bool,
    ) -> None:
        self._instances = instances
        self._responders = responders
        self._ending = ending
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._server = scenario == "Server"
        self._library = library
        self._batch_size = batch_size
        self._by_instance = scenario == "MultiStream"
        self.inline = len(responders) == 1 and scenario in ("SingleStream", "MultiStream")
        self.takes_turns = self.inline and share_cpus

    def take_loaded(self) -> None:
        """Has every instance take the pictures that are loaded now."""
        for responder in self._responders:
            responder.take_loaded()

    def open(self) -> None:
        """Has the instances wait for queries."""
        if self.inline:
            return
        for instance, responder in zip(self._instances, self._responders, strict=True):
            serve = responder.serve_coalescing if self._server else responder.serve
            self._ending.watch(instance.submit(serve, self._waiting))

    def close(self) -> None:
        """Sends the instances home; everything that was issued must have been answered."""
        if not self.inline:
            for _ in self._responders:
                self._waiting.put(None)

    @property
    def issue(self) -> Callable[[list[int], list[int]], None]:
        """What LoadGen calls with a query: ids and pictures of its samples."""
        return self._answer_here if self.inline else self._hand_over

    def flush(self) -> None:
        """LoadGen has nothing more for the moment; instances never wait for more, so do nothing."""

    def _answer_here(self, ids: list[int], indices: list[int]) -> None:
        try:
            if len(ids) == self._batch_size == 1:
                self._responders[0].answer_one(ids[0], self._library.row_of(indices[0]))
            else:
                self._responders[0].answer(ids, self._library.rows_of(indices))
            if self.takes_turns:
                os.sched_yield()
        except BaseException as error:  # noqa: BLE001  nothing may reach LoadGen's code
            self._ending.fail(error)

    def _hand_over(self, ids: list[int], indices: list[int]) -> None:
        try:
            rows = self._library.rows_of(indices)
            if isinstance(rows, range):
                self._waiting.put((ids, rows))
            elif self._by_instance:
                self._put_in_shares(ids, rows, -(-len(ids) // len(self._responders)))
            else:
                self._put_in_runs(ids, rows)
        except BaseException as error:  # noqa: BLE001  nothing may reach LoadGen's code
            self._ending.fail(error)

    def _put_in_shares(self, ids: list[int], rows: NDArray[np.int64], share: int) -> None:
        for at in range(0, len(ids), share):
            self._waiting.put((ids[at : at + share], rows[at : at + share]))

    def _put_in_runs(self, ids: list[int], rows: NDArray[np.int64]) -> None:
        size = self._batch_size
        order, runs = order_in_runs(rows, self._library.loaded, size)
        ids, rows = np.asarray(ids, np.uint64)[order].tolist(), rows[order]
        in_runs = runs * size
        for at, first in zip(range(0, in_runs, size), rows[:in_runs:size].tolist(), strict=True):
            self._waiting.put((ids[at : at + size], range(first, first + size)))
        self._put_in_shares(ids[in_runs:], rows[in_runs:], size)
