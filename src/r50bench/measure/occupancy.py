"""Which cores other r50bench runs are measuring on right now.

Each session holds a lock on a small file that names its CPUs; the kernel lets go of the lock when
its process ends, however it ends, so a stale file is never taken for a run. Sessions of one process
take turns and are no others to each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from r50bench.notices import Notice

__all__ = ["occupy"]

_numbers = itertools.count()
"""Tells the sessions of this process apart."""


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / "r50bench-occupancy"


def _is_running(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _others(folder: Path, cpus: set[int]) -> Iterator[Notice]:
    shared: defaultdict[str, set[int]] = defaultdict(set)
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError):
            pid = path.stem.partition("-")[0]
            if pid == str(os.getpid()):
                continue
            if not _is_running(path):
                path.unlink()
                continue
            shared[pid] |= cpus & set(json.loads(path.read_text())["cpus"])
    for pid, common in shared.items():
        if common:
            names = ",".join(str(cpu) for cpu in sorted(common))
            text = f"another r50bench run (pid {pid}) is measuring on CPU {names}"
            yield Notice("shared-cores", text, "wait for it, or give each its own CPUs (taskset)")


def _claim(folder: Path, cpus: set[int], stack: contextlib.ExitStack) -> None:
    """Writes this session's file; it is locked before it takes a name that others look at."""
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(PermissionError):
        folder.chmod(0o1777)
    own = folder / f"{os.getpid()}-{next(_numbers)}.json"
    descriptor, name = tempfile.mkstemp(dir=folder)
    file = stack.enter_context(os.fdopen(descriptor, "w"))
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    json.dump({"cpus": sorted(cpus)}, file)
    file.flush()
    os.fchmod(descriptor, 0o644)
    os.replace(name, own)
    stack.callback(own.unlink, missing_ok=True)


@contextlib.contextmanager
def occupy(cpus: Iterable[int]) -> Iterator[Callable[[], tuple[Notice, ...]]]:
    """Holds ``cpus`` while the context lasts.

    Gives a function that returns one notice per other run on any of them at the moment. Where the
    temporary folder cannot be written it returns none: the run itself does not depend on it.
    """
    wanted = set(cpus)
    folder = _folder()
    with contextlib.ExitStack() as stack:
        claimed = False
        with contextlib.suppress(OSError):
            _claim(folder, wanted, stack)
            claimed = True
        yield lambda: tuple(_others(folder, wanted)) if claimed else ()
