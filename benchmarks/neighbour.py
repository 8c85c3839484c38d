"""A busy loop that comes and goes, on the very core of what is measured or on its other thread.

Run by itself as ``neighbour.py CPU SEED FROM_MS TO_MS`` it is such a loop: busy for a time of
chance length between these two, then idle for another.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from r50bench.host.lifeline import die_with_parent
from r50bench.host.topology import Host

_START_S = 1.0


class Neighbour:
    """A busy loop beside whatever runs on a CPU; each time it is busy with a seed of its own.

    On the other thread of that CPU's core where the kernel shows one, else on the CPU itself.
    Spells and pauses last between the two of ``spells_ms``.
    """

    def __init__(self, host: Host, cpu: int, spells_ms: Sequence[float]) -> None:
        core = next(core for core in host.cores if cpu in core.cpus)
        self.cpu = next((other for other in core.cpus if other != cpu), cpu)
        self._spells_ms = spells_ms
        self._seed = 0

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Has it come and go while the context lasts."""
        self._seed += 1
        words = [str(word) for word in (self.cpu, self._seed, *self._spells_ms)]
        with subprocess.Popen([sys.executable, __file__, *words]) as process:
            time.sleep(_START_S)
            try:
                yield
            finally:
                process.kill()


def _come_and_go(cpu: int, seed: int, from_ms: float, to_ms: float) -> None:
    die_with_parent(os.getppid())
    os.sched_setaffinity(0, {cpu})
    chance = random.Random(seed)
    while True:
        until = time.monotonic() + chance.uniform(from_ms, to_ms) / 1e3
        while time.monotonic() < until:
            pass
        time.sleep(chance.uniform(from_ms, to_ms) / 1e3)


if __name__ == "__main__":
    _come_and_go(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
