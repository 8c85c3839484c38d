"""One instance inside a worker: its thread, its way into the engine, its batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from r50bench.case import Slot
from r50bench.engines.base import Engine, Runner
from r50bench.errors import WorkerFailed
from r50bench.measure.binding import (
    bind_cpus,
    bind_team,
    busiest_threads,
    threads_of_process,
)
from r50bench.measure.feed import batches_to_score, ring_of_batches
from r50bench.measure.loads.closed_loop import closed_loop, timed_loop
from r50bench.measure.protocol import FeedSpec, Timing

__all__ = ["Instance"]

_one_at_a_time = threading.Lock()
"""Held while an instance starts its threads, so that it can tell which are its own."""


class Instance:
    """One copy of the model serving one stream of batches on one slot, in a thread of its own.

    The thread is bound before it touches the engine, so that the OpenMP threads it starts are too.
    """

    def __init__(self, slot: Slot, index: int, tick: Callable[..., None]) -> None:
        self.slot = slot
        self.cpus: tuple[int, ...] = ()
        self.threads_bound = False
        self._index = index
        self._tick = tick
        self._runner: Runner | None = None
        self._batches: list[Any] = []
        self._clock: Callable[[], int] = time.perf_counter_ns
        self._thread = ThreadPoolExecutor(1, f"instance-{slot.instance}", self._bind)

    def _bind(self) -> None:
        self.cpus = bind_cpus(self.slot.cpus)

    def submit(self, task: Callable[..., Any], *args: Any) -> Future[Any]:
        """Runs a method of this instance in its thread."""
        return self._thread.submit(task, *args)

    def load(self, engine: Engine, feed: FeedSpec) -> float:
        """Prepares runner and batches and runs the first batch; returns the engine's seconds of it.

        The threads that the engine starts meanwhile are its team for this instance; where there is
        one for each CPU of the slot, each is bound to its own. Peers start some more, which do not
        compute.
        """
        with _one_at_a_time:
            before = threads_of_process()
            began = time.perf_counter()
            self._runner = engine.runner(self._index)
            seconds = time.perf_counter() - began
            self._clock = engine.clock
            self._batches = ring_of_batches(feed, self._runner, self.slot.instance)
            began = time.perf_counter()
            self._runner.infer(self._batches[0])
            seconds += time.perf_counter() - began
            helpers = sorted(threads_of_process() - before)
            if len(helpers) >= len(self.slot.cpus):
                helpers = busiest_threads(helpers, len(self.slot.cpus) - 1, self.infer_once)
        self.threads_bound = bind_team(helpers, self.slot.cpus)
        return seconds

    @property
    def runner(self) -> Runner:
        """The instance's way into the engine, for use in its thread."""
        return self._ready()

    def count_samples(self, samples: int) -> None:
        self._tick(samples)

    def infer_once(self) -> object:
        """Runs the first batch, untimed, in the calling thread."""
        return self._ready().infer(self._batches[0])

    def run(self, steps: int, at_ns: int) -> Timing:
        """Runs ``steps`` batches from ``at_ns`` on."""
        starts, ends = closed_loop(
            self._ready().infer,
            self._batches,
            steps,
            at_ns=at_ns,
            clock=self._clock,
            tick=self._tick,
        )
        return Timing(self.slot.instance, starts, ends)

    def run_for(self, at_ns: int, until_ns: int, pause_ns: int) -> Timing:
        """Runs batches from ``at_ns`` to ``until_ns`` with pauses, timed by CLOCK_MONOTONIC."""
        starts, ends = timed_loop(
            self._ready().infer,
            self._batches,
            at_ns=at_ns,
            until_ns=until_ns,
            pause_ns=pause_ns,
            tick=self._tick,
        )
        return Timing(self.slot.instance, starts, ends)

    def score(
        self, feed: FeedSpec, share: tuple[int, int]
    ) -> tuple[list[int], list[tuple[int, ...]]]:
        """Returns (picture indices, their five likeliest classes) over ``share``."""
        runner = self._ready()
        indices: list[int] = []
        top5: list[tuple[int, ...]] = []
        for named, batch in batches_to_score(feed, share):
            logits = np.asarray(runner.logits(runner.infer(runner.prepare(batch))))
            if logits.shape != (feed.batch_size, 1000) or not np.isfinite(logits).all():
                raise WorkerFailed(
                    f"instance {self.slot.instance} answered logits of shape {logits.shape}"
                    f" (finite: {bool(np.isfinite(logits).all())}) to a batch of {feed.batch_size}"
                )
            best = np.argsort(-logits, axis=1, kind="stable")[: len(named), :5]
            indices += named
            top5 += [tuple(int(label) for label in row) for row in best]
            self._tick()
        return indices, top5

    def _ready(self) -> Runner:
        if self._runner is None:
            raise RuntimeError("the instance is not loaded")
        return self._runner
