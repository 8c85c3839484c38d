"""One instance inside a worker: its thread, its way into the engine, its batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from r50bench.case import Slot
from r50bench.engines.base import Engine, Runner, ScriptedCanary
from r50bench.host.canary import CoreWatch
from r50bench.measure.answers import Answers
from r50bench.measure.binding import (
    bind_cpus,
    bind_team,
    busiest_threads,
    threads_of_process,
)
from r50bench.measure.canary import open_canary
from r50bench.measure.feed import batches_to_score, ring_of_batches
from r50bench.measure.loads.closed_loop import closed_loop, timed_loop
from r50bench.measure.loads.looks import by_batch
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
        self.looked_at: tuple[int, ...] = ()
        self.no_canary = ""
        self._index = index
        self._tick = tick
        self._runner: Runner | None = None
        self._batches: list[Any] = []
        self._answers = Answers(slot.instance, 0)
        self._clock: Callable[[], int] = time.perf_counter_ns
        self._watch: CoreWatch | None = None
        self._helpers: list[int] = []
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
            answer = self._runner.infer(self._batches[0])
            seconds += time.perf_counter() - began
            self._answers = Answers(self.slot.instance, feed.batch_size)
            self._answers.keep_first(self._runner.logits(answer))
            helpers = sorted(threads_of_process() - before)
            if len(helpers) >= len(self.slot.cpus):
                helpers = busiest_threads(helpers, len(self.slot.cpus) - 1, self.infer_once)
        self.threads_bound = bind_team(helpers, self.slot.cpus)
        self._helpers = helpers
        return seconds

    def watch_cores(self, engine: Engine, library: str | None) -> None:
        """Gets a canary, where there is a ``library`` or the engine's is scripted.

        ``looked_at`` are then the CPUs that it looks at, or ``no_canary`` says why there is none.
        """
        if isinstance(engine, ScriptedCanary):
            self._watch = engine.canary()
            self.looked_at = self.cpus if self._watch else ()
        elif library is not None:
            with _one_at_a_time:
                try:
                    canary = open_canary(library, self.slot.cpus, self._helpers)
                except OSError as error:
                    self.no_canary = str(error)
                    return
            self._watch = canary
            self.looked_at = canary.cpus()

    @property
    def runner(self) -> Runner:
        """The instance's way into the engine, for use in its thread."""
        return self._ready()

    def count_samples(self, samples: int) -> None:
        self._tick(samples)

    def infer_once(self) -> object:
        """Runs the first batch, untimed, in the calling thread."""
        return self._ready().infer(self._batches[0])

    def check(self) -> None:
        """Runs the first batch, untimed, and holds the answer to what it was at first.

        Raises:
            WorkerFailed: it is another, or none at all.
        """
        self._answers.compare(self._ready().logits(self.infer_once()))

    def run(self, steps: int, at_ns: int, *, looking: bool = False) -> Timing:
        """Runs ``steps`` batches from ``at_ns`` on, ``looking`` at the cores between them.

        Raises:
            WorkerFailed: what was answered last is not what it was at first.
        """
        runner = self._ready()
        watch = self._watch if looking and steps else None
        starts, ends, answer = closed_loop(
            runner.infer,
            self._batches,
            steps,
            at_ns=at_ns,
            clock=self._clock,
            tick=self._tick,
            watch=watch,
        )
        if steps:
            self._answers.compare(runner.logits(answer))
        return Timing(
            self.slot.instance, starts, ends, *(by_batch(watch.found(), ends) if watch else ())
        )

    def run_for(self, at_ns: int, until_ns: int, pause_ns: int) -> Timing:
        """Runs batches from ``at_ns`` to ``until_ns`` with pauses, timed by CLOCK_MONOTONIC.

        Raises:
            WorkerFailed: what is answered afterwards is not what it was at first.
        """
        starts, ends = timed_loop(
            self._ready().infer,
            self._batches,
            at_ns=at_ns,
            until_ns=until_ns,
            pause_ns=pause_ns,
            tick=self._tick,
        )
        self.check()
        return Timing(self.slot.instance, starts, ends)

    def score(
        self, feed: FeedSpec, share: tuple[int, int]
    ) -> tuple[list[int], list[tuple[int, ...]]]:
        """Returns (picture indices, their five likeliest classes) over ``share``."""
        runner = self._ready()
        indices: list[int] = []
        top5: list[tuple[int, ...]] = []
        for named, batch in batches_to_score(feed, share):
            logits = self._answers.checked(runner.logits(runner.infer(runner.prepare(batch))))
            best = np.argsort(-logits, axis=1, kind="stable")[: len(named), :5]
            indices += named
            top5 += [tuple(int(label) for label in row) for row in best]
            self._tick()
        return indices, top5

    def _ready(self) -> Runner:
        if self._runner is None:
            raise RuntimeError("the instance is not loaded")
        return self._runner
