"""How far each instance is: one counter each in memory shared by parent and workers.

A counter costs the measured loop one store; a message on a pipe would cost a system call, and
would wake the parent on a core that is being measured.
"""

from __future__ import annotations

import mmap
import os

__all__ = ["Scoreboard"]

_WORD = 8


class Scoreboard:
    """Batches finished so far, per instance. The parent creates it, workers attach to it."""

    def __init__(self, fd: int, instances: int) -> None:
        self.fd = fd
        self._memory = mmap.mmap(fd, max(instances, 1) * _WORD)
        self._counts = memoryview(self._memory).cast("Q")

    @classmethod
    def create(cls, instances: int) -> Scoreboard:
        """Creates a scoreboard whose descriptor can be passed to children."""
        fd = os.memfd_create("r50bench-scoreboard")
        os.ftruncate(fd, max(instances, 1) * _WORD)
        return cls(fd, instances)

    def tick(self, instance: int, count: int = 1) -> None:
        """Counts one more batch of ``instance``, or ``count`` samples of LoadGen."""
        self._counts[instance] += count

    def total(self) -> int:
        """Returns the batches finished by all instances since the scoreboard was created."""
        return sum(self._counts)

    def close(self) -> None:
        """Unmaps the memory and closes the descriptor."""
        self._counts.release()
        self._memory.close()
        os.close(self.fd)
