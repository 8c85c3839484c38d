"""The CPU time that this process wanted and others had, as the kernel counts it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from r50bench.host.kernel_files import read_text, read_words

__all__ = ["lost_ns"]

_STEAL = 8  # proc(5), /proc/stat: cpuN user nice system idle iowait irq softirq steal


def lost_ns(cpus: Iterable[int], root: Path = Path("/")) -> int | None:
    """Returns the ns that threads of this process waited for a CPU, and a hypervisor took ``cpus``.

    Counted from the start of each thread and of the machine: the difference of two calls is what
    was lost between them. None where the kernel does not count it.
    """
    tasks = root / "proc/self/task"
    try:
        waited = [_waited_ns(root, task) for task in os.listdir(tasks)]
    except OSError:
        return None
    known = [one for one in waited if one is not None]
    return sum(known) + _stolen_ns(root, cpus) if known else None


def _waited_ns(root: Path, thread: str) -> int | None:
    """Returns how long a thread was ready and not running: proc(5), /proc/pid/schedstat."""
    words = read_words(root, f"/proc/self/task/{thread}/schedstat")
    return int(words[1]) if len(words) == 3 else None


def _stolen_ns(root: Path, cpus: Iterable[int]) -> int:
    names = {f"cpu{cpu}" for cpu in cpus}
    lines = (line.split() for line in (read_text(root, "/proc/stat") or "").splitlines())
    ticks = sum(int(words[_STEAL]) for words in lines if words[_STEAL:] and words[0] in names)
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
