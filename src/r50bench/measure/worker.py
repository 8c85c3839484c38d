"""A worker process: binds itself, loads the engine, and does as the parent says.

Started by :mod:`.pool` as ``python -m r50bench.measure.worker COMMANDS ANSWERS SCOREBOARD PARENT``:
three file descriptors and the parent's process id. Everything the engine prints goes to the log.
"""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from r50bench.engines.environment import recorded_environment
from r50bench.engines.evidence.layer_match import evidence_of
from r50bench.engines.registry import load_engine
from r50bench.errors import R50BenchError
from r50bench.host.lifeline import die_with_parent
from r50bench.host.refusals import explained
from r50bench.measure.binding import (
    bind_cpus,
    bind_memory,
    bound_memory_nodes,
    pss_bytes,
)
from r50bench.measure.contention import Watch
from r50bench.measure.protocol import (
    Answer,
    Command,
    Failed,
    Loaded,
    LoadEngine,
    LoadgenRan,
    Measure,
    Measured,
    Observed,
    ObserveKernels,
    Predicted,
    RunLoadgen,
    Scoreboard,
    ScorePictures,
    Warmed,
    WarmUp,
    WorkerPlan,
    decode_command,
    decode_plan,
    encode,
)

__all__ = ["main"]


class Worker:
    """The instances of one process and the engine they share."""

    def __init__(self, plan: WorkerPlan, scoreboard: Scoreboard) -> None:
        from r50bench.measure.instance import Instance

        self._plan = plan
        self._instances = [
            Instance(slot, index, functools.partial(scoreboard.tick, slot.instance))
            for index, slot in enumerate(plan.slots)
        ]
        self._engine: Any = None

    def obey(self, command: Command) -> Answer:
        """Carries out one command in every instance and returns the answer to it."""
        answer: Answer
        match command:
            case LoadEngine():
                answer = self._load()
            case ObserveKernels():
                answer = self._observe()
            case WarmUp(at_ns=at_ns):
                answer = self._warm_up(at_ns)
            case Measure():
                answer = self._measure(command)
            case ScorePictures():
                answer = self._score()
            case RunLoadgen():
                answer = self._run_loadgen(command)
        return answer

    def _everywhere(self, tasks: list[tuple[Callable[..., Any], tuple[Any, ...]]]) -> list[Any]:
        futures = [
            instance.submit(task, *args)
            for instance, (task, args) in zip(self._instances, tasks, strict=True)
        ]
        return [future.result() for future in futures]

    def _load(self) -> Loaded:
        began = time.perf_counter()
        self._engine = load_engine(self._plan.engine)
        load_s = time.perf_counter() - began
        first = self._everywhere(
            [(one.load, (self._engine, self._plan.feed)) for one in self._instances]
        )
        self._everywhere(
            [(one.watch_cores, (self._engine, self._plan.canary)) for one in self._instances]
        )
        return Loaded(
            engine_version=self._engine.version,
            cpus=tuple(one.cpus for one in self._instances),
            memory_nodes=bound_memory_nodes(),
            threads_bound=all(one.threads_bound for one in self._instances),
            environment=recorded_environment(os.environ),
            load_s=load_s,
            first_batch_s=max(first),
            looked_at=tuple(one.looked_at for one in self._instances),
            no_canary=next((one.no_canary for one in self._instances if one.no_canary), ""),
        )

    def _observe(self) -> Observed:
        one = self._instances[0]
        log = one.submit(self._engine.observe, one.infer_once).result()
        return Observed(log, evidence_of(log, self._plan.engine))

    def _warm_up(self, at_ns: int) -> Warmed:
        began = time.perf_counter()
        steps = self._plan.warmup_steps
        self._everywhere([(one.run, (steps, at_ns)) for one in self._instances])
        return Warmed(time.perf_counter() - began, pss_bytes())

    def _measure(self, command: Measure) -> Measured:
        steps = command.steps or self._plan.steps
        with _no_garbage_collection():
            watch = self._watch()
            timings = self._everywhere(
                [
                    (functools.partial(one.run, looking=True), (steps, command.at_ns))
                    if command.until_ns is None
                    else (one.run_for, (command.at_ns, command.until_ns, command.pause_ns))
                    for one in self._instances
                ]
            )
            return Measured(tuple(timings), watch.end())

    def _watch(self) -> Watch:
        return Watch(cpu for one in self._instances for cpu in one.cpus)

    def _run_loadgen(self, command: RunLoadgen) -> LoadgenRan:
        from r50bench.measure.loads.loadgen.start import run_test

        self._check()
        with _no_garbage_collection():
            watch = self._watch()
            run_test(
                command.settings,
                Path(command.folder),
                self._plan.feed,
                self._instances,
                command.cpus,
            )
            answer = LoadgenRan(watch.end())
        self._check()
        return answer

    def _check(self) -> None:
        """Looks at what every instance answers, where nothing is timed."""
        self._everywhere([(one.check, ()) for one in self._instances])

    def _score(self) -> Predicted:
        shares = zip(self._instances, self._plan.shares, strict=True)
        parts = self._everywhere([(one.score, (self._plan.feed, share)) for one, share in shares])
        return Predicted(
            pictures=[index for indices, _ in parts for index in indices],
            top5=[row for _, rows in parts for row in rows],
        )


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _failure(error: Exception) -> Failed:
    traceback.print_exc()
    told = error if isinstance(error, R50BenchError) else explained(error)
    if told is not None:
        return Failed(type(told).__name__, told.message, told.hint)
    return Failed("WorkerFailed", f"{type(error).__name__}: {error}", None)


def _bound(plan: WorkerPlan, scoreboard_fd: int) -> Worker:
    """Binds this process to its slots, before it loads or starts anything."""
    bind_cpus({cpu for slot in plan.slots for cpu in slot.cpus})
    if plan.bind_memory:
        bind_memory({node for slot in plan.slots for node in slot.nodes})
    last = max(slot.instance for slot in plan.slots)
    return Worker(plan, Scoreboard(scoreboard_fd, last + 1))


def _serve(commands: BinaryIO, answers: BinaryIO, scoreboard_fd: int) -> None:
    plan = decode_plan(commands.readline())
    worker: Worker | None = None
    for line in commands:
        try:
            worker = worker or _bound(plan, scoreboard_fd)
            answer: Answer = worker.obey(decode_command(line))
        except Exception as error:  # noqa: BLE001  the parent must hear of anything
            answer = _failure(error)
        answers.write(encode(answer))
        answers.flush()


def main() -> None:
    """Entry point of the worker process; ends when the parent closes the command pipe."""
    commands_fd, answers_fd, scoreboard_fd, parent = (int(word) for word in sys.argv[1:5])
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(commands_fd, "rb") as commands, os.fdopen(answers_fd, "wb") as answers:
        _serve(commands, answers, scoreboard_fd)
    # Engine libraries may hang or crash while they unload; everything has been said and flushed.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
