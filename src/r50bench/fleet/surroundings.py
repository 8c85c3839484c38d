"""What surrounds r50bench on a node: an environment as a login would have it, and its priority.

Ray starts its workers with variables of its own, a thread for each CPU that a task asks for, GPUs
hidden where it asks for none, and nice 15. None of it is meant for what is measured.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from r50bench.host.surroundings import decides_numerics
from r50bench.parameters import UNDERSTOOD_VARIABLES

__all__ = ["at_usual_priority", "environment_of_runs"]

_PREFIXES = ("RAY_", "_RAY_")
# Ray, python/ray/_private/accelerators: what hides a GPU from a task that asks for none.
_HIDING = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
_OF_WORKERS = ("PYTHONBREAKPOINT", "PYTHONUNBUFFERED", "SPT_NOENV", *_HIDING)


def environment_of_runs(inherited: Mapping[str, str], data: Path) -> dict[str, str]:
    """Returns the environment of r50bench on a node whose worker of Ray has ``inherited``.

    Parameters of cases are left out too: whoever sends a case says all of it. ``data`` is where
    runs are entered that are to be forgotten here, as they come home.
    """
    kept = {
        name: value
        for name, value in inherited.items()
        if not (
            name.startswith(_PREFIXES)
            or name in _OF_WORKERS
            or name in UNDERSTOOD_VARIABLES
            or decides_numerics(name)
        )
    }
    return kept | {"R50BENCH_DATA": str(data)}


def at_usual_priority() -> int:
    """Raises this process's priority to the usual one, where it may; returns how nice it is then.

    Below 0 means more than the usual, which whoever started Ray has meant.
    """
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    if nice > 0:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, 0)
    return os.getpriority(os.PRIO_PROCESS, 0)
