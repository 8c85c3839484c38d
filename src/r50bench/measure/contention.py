"""The CPU time that this process wanted and others had, as the kernel counts it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from r50bench.host.kernel_files import read_text, read_words
from r50bench.measure.protocol import Contention

__all__ = ["Waits", "Watch", "lost_ns", "read_busy_ns", "read_waits"]

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_STEAL = 8  # proc(5), /proc/stat: cpuN user nice system idle iowait irq softirq steal


@dataclass(frozen=True)
class Waits:
    """By thread of this process, the ns it was ready and not running; by CPU, the ns stolen of it.

    Counted since the thread and the machine were started. No threads where the kernel does not
    count.
    """

    threads: dict[int, int]
    stolen: dict[int, int]


def read_waits(cpus: Iterable[int], root: Path = Path("/")) -> Waits:
    """Reads the present counters from /proc below ``root``."""
    try:
        names = os.listdir(root / "proc/self/task")
    except OSError:
        names = []
    # proc(5), /proc/pid/schedstat: ns on a CPU, ns on a run queue, times it was given a CPU.
    files = {name: read_words(root, f"/proc/self/task/{name}/schedstat") for name in names}
    counts = {
        int(name): words
        for name, words in files.items()
        if len(words) == 3 and all(word.isdecimal() for word in words)
    }
    # Some kernels have the file and leave it at 0, also for the thread that reads it.
    counted = any(int(words[0]) for words in counts.values())
    threads = {thread: int(words[1]) for thread, words in counts.items()} if counted else {}
    return Waits(threads, _stolen_ns(root, cpus))


def _stolen_ns(root: Path, cpus: Iterable[int]) -> dict[int, int]:
    lines = (line.split() for line in (read_text(root, "/proc/stat") or "").splitlines())
    ticks = {
        words[0]: int(words[_STEAL])
        for words in lines
        if words[_STEAL:] and words[_STEAL].isdecimal()
    }
    return {cpu: ticks.get(f"cpu{cpu}", 0) * _TICK_NS for cpu in cpus}


def lost_ns(before: Waits, after: Waits) -> int | None:
    """Returns what the thread that waited most lost between the two, and the CPU stolen most.

    The worst and not the mean: where one of a team's threads waits, the others wait for it. Threads
    that did not exist before do not count. None where the kernel does not count.
    """
    both = before.threads.keys() & after.threads.keys()
    if not both:
        return None
    waited = max(after.threads[one] - before.threads[one] for one in both)
    stolen = [after.stolen[one] - before.stolen[one] for one in before.stolen]
    return waited + max(stolen, default=0)


class Watch:
    """Measures the contention from its making to :meth:`end`, outside of what is timed."""

    def __init__(self, cpus: Iterable[int]) -> None:
        self._cpus = tuple(cpus)
        self._before = read_waits(self._cpus)
        self._busy_ns, self._own_ns = read_busy_ns(), time.process_time_ns()
        self._began_ns = time.perf_counter_ns()

    def end(self) -> Contention:
        """Returns what was lost since then, of the wall time at most.

        A thread's wait is counted as it ends: one that began long before the window counts in full.
        """
        wall_ns = time.perf_counter_ns() - self._began_ns
        own_ns, busy_ns = time.process_time_ns() - self._own_ns, read_busy_ns()
        lost = lost_ns(self._before, read_waits(self._cpus))
        return Contention(
            None if lost is None else min(lost, wall_ns),
            wall_ns,
            own_ns,
            None if busy_ns is None or self._busy_ns is None else busy_ns - self._busy_ns,
        )


def read_busy_ns(root: Path = Path("/")) -> int | None:
    """Returns the CPU time that the whole machine has spent on work since it booted, in ns.

    None where the kernel does not say. A container is shown the machine's, unless by lxcfs.
    """
    words = read_words(root, "/proc/stat")[:8]
    if len(words) < 8 or words[0] != "cpu" or not all(word.isdecimal() for word in words[1:]):
        return None
    user, nice, system, _idle, _iowait, irq, softirq = (int(word) for word in words[1:])
    return (user + nice + system + irq + softirq) * _TICK_NS
