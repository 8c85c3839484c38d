"""The closed loop: batch after batch as fast as the engine answers, every one stamped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from r50bench.host.canary import CoreWatch

__all__ = ["closed_loop", "timed_loop", "wait_until"]

_SPIN_NS = 1_000_000


def wait_until(at_ns: int) -> None:
    """Returns at ``at_ns`` of CLOCK_MONOTONIC: asleep at first, spinning for the last millisecond.

    Spinning wakes the core's clock, and all instances start within microseconds of each other; it
    ends before the first stamp.
    """
    early = at_ns - time.perf_counter_ns() - _SPIN_NS
    if early > 0:
        time.sleep(early / 1e9)
    while time.perf_counter_ns() < at_ns:
        pass


def closed_loop(
    infer: Callable[[Any], Any],
    batches: Sequence[Any],
    steps: int,
    *,
    at_ns: int,
    clock: Callable[[], int],
    tick: Callable[[], None],
    watch: CoreWatch | None = None,
) -> tuple[list[int], list[int], Any]:
    """Runs ``steps`` batches from ``at_ns`` on; returns starts and ends in ns of ``clock``.

    Batches are taken in turn so that the last is the first of them: what was answered to it is
    returned too, to be looked at when nothing is timed; None of no steps. ``watch`` looks at the
    cores before the first batch, after the last, and after those after which a look is due: outside
    of their time.
    """
    starts, ends = [0] * steps, [0] * steps
    count, last = len(batches), steps - 1
    answer = None
    wait_until(at_ns)
    if watch is not None:
        watch.begin(steps + 1)
        look = watch.look
        due_ns = look(clock())
    for step in range(steps):
        batch = batches[(step - last) % count]
        starts[step] = clock()
        answer = infer(batch)
        ends[step] = clock()
        tick()
        if watch is not None and (ends[step] >= due_ns or step == last):
            due_ns = look(ends[step])
    return starts, ends, answer


def timed_loop(
    infer: Callable[[Any], Any],
    batches: Sequence[Any],
    *,
    at_ns: int,
    until_ns: int,
    pause_ns: int = 0,
    tick: Callable[[], None],
) -> tuple[list[int], list[int]]:
    """Runs batches from ``at_ns`` on, the last begun before ``until_ns``; returns starts and ends.

    Both are in ns of CLOCK_MONOTONIC, which is what LoadGen measures by, too. Between two batches
    the thread sleeps for ``pause_ns``; a batch starts when that is over, however late the thread
    wakes up, since a query that arrived then would have waited too.
    """
    starts: list[int] = []
    ends: list[int] = []
    count = len(batches)
    wait_until(at_ns)
    start = time.perf_counter_ns()
    while start < until_ns or not starts:
        infer(batches[len(starts) % count])
        ends.append(time.perf_counter_ns())
        starts.append(start)
        tick()
        if pause_ns:
            start = ends[-1] + pause_ns
            time.sleep(pause_ns / 1e9)
        else:
            start = time.perf_counter_ns()
    return starts, ends
