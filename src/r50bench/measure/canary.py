"""The canary of one instance: which of its cores can be looked at, and whose waiting counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from r50bench.host.canary import Canary, openmp_teams
from r50bench.measure.binding import threads_of_process

__all__ = ["open_canary"]


def open_canary(library: str, cpus: Sequence[int], helpers: Sequence[int]) -> Canary:
    """Returns a canary that looks at all of ``cpus``, or at the calling thread's alone.

    It has looked once. To be called in the instance's thread, when it and its ``helpers``, kernel
    ids, are bound to one CPU each. A core can be looked at by the thread that computes there alone:
    another one would wait until that has spun its time away. Engines whose threads are OpenMP's
    lend theirs.

    Raises:
        OSError: the library cannot be loaded.
    """
    threads = (threading.get_native_id(), *helpers)
    if len(helpers) == len(cpus) - 1 > 0:
        for team in openmp_teams():
            before = threads_of_process()
            canary = Canary(Path(library), threads, team, len(cpus))
            canary.look(time.monotonic_ns())
            # A library that does not compute here starts threads of its own, bound to no CPU.
            if canary.cpus() == tuple(sorted(cpus)) and threads_of_process() == before:
                return canary
            canary.close()
    canary = Canary(Path(library), threads)
    canary.look(time.monotonic_ns())
    return canary
