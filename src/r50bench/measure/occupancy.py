"""Which cores other r50bench runs are measuring on right now.

Each run holds a lock on a small file that names its CPUs; the kernel lets go of the lock when the
run ends, however it ends, so a stale file is never taken for a run.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

__all__ = ["occupy"]


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / "r50bench-occupancy"


def _is_running(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _others(folder: Path, own: Path, cpus: set[int]) -> Iterator[str]:
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError):
            if path == own:
                continue
            if not _is_running(path):
                path.unlink()
                continue
            shared = sorted(cpus & set(json.loads(path.read_text())["cpus"]))
            if shared:
                names = ",".join(str(cpu) for cpu in shared)
                yield f"another r50bench run (pid {path.stem}) is measuring on CPU {names}"


def _claim(folder: Path, cpus: set[int], stack: contextlib.ExitStack) -> Path:
    """Writes this run's file; it is locked before it takes a name that others look at."""
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(PermissionError):
        folder.chmod(0o1777)
    own = folder / f"{os.getpid()}.json"
    descriptor, name = tempfile.mkstemp(dir=folder)
    file = stack.enter_context(os.fdopen(descriptor, "w"))
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    json.dump({"cpus": sorted(cpus)}, file)
    file.flush()
    os.fchmod(descriptor, 0o644)
    os.replace(name, own)
    stack.callback(own.unlink, missing_ok=True)
    return own


@contextlib.contextmanager
def occupy(cpus: Iterable[int]) -> Iterator[Callable[[], tuple[str, ...]]]:
    """Holds ``cpus`` while the context lasts.

    Gives a function that returns one sentence per other run on any of them at the moment. Where the
    temporary folder cannot be written it returns none: the run itself does not depend on it.
    """
    wanted = set(cpus)
    folder = _folder()
    with contextlib.ExitStack() as stack:
        own: Path | None = None
        with contextlib.suppress(OSError):
            own = _claim(folder, wanted, stack)
        yield lambda: () if own is None else tuple(_others(folder, own, wanted))
