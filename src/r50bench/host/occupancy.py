"""Which CPUs other runs of this user are measuring on: a file for each run, held while it lasts.

The files lie in a folder of this user's alone; those of others are neither read nor made there.
What lies in it is looked at with care all the same: few entries, small regular files, no links.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from r50bench.errors import RunFailed, reason_of, system_refusal
from r50bench.host.surroundings import private_folder
from r50bench.notices import Notice

__all__ = ["occupy", "others_on"]

_NAME = re.compile(r"([1-9][0-9]{0,9})-[0-9]{1,9}\.json")  # the process, and a number of its own
_MOST_ENTRIES = 1000
_MOST_BYTES = 1 << 16  # 10,000 CPUs
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_numbers = itertools.count()
"""Tells the sessions of this process apart."""

Others = Callable[[], tuple[Notice, ...]]


@contextlib.contextmanager
def occupy(cpus: Iterable[int]) -> Iterator[Others]:
    """Holds ``cpus`` while the context lasts.

    Gives a function that returns one notice per other run on any of them at the moment. Where the
    system refuses what that takes, it returns the notice that others are not known, or not for
    certain: the run itself does not depend on it.
    """
    wanted = set(cpus)
    with contextlib.ExitStack() as stack:
        said: tuple[Notice, ...] = ()
        folder: int | None = None
        try:
            folder = _folder(stack)
            said = _claim(folder, wanted, stack)
        except OSError as error:
            folder, told = None, system_refusal(f"use {error.filename or 'that folder'}", error)
            said = (_unknown(told),)
        except RunFailed as error:
            folder, said = None, (_unknown(error),)
        yield lambda: said if folder is None else (*said, *_others(folder, wanted))


def others_on(cpus: Iterable[int]) -> tuple[Notice, ...]:
    """Returns a notice for each run that measures on any of ``cpus`` now, and holds none itself.

    Nothing is said where the temporary folder tells nothing.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = _folder(stack)
        except (OSError, RunFailed):
            return ()
        return tuple(_others(folder, set(cpus)))


def _unknown(error: RunFailed) -> Notice:
    text = f"whether others measure on the same CPUs is not known: {error.message}"
    return Notice("occupancy-unknown", text, error.hint or "")


def _folder(stack: contextlib.ExitStack) -> int:
    """Returns a descriptor of the folder.

    Raises:
        RunFailed: nothing temporary can be written, something else has its name, or it is another
            user's.
        OSError: the system refuses it.
    """
    private = private_folder()
    if private is None:
        raise RunFailed(
            "there is no temporary folder that can be written",
            hint="docker run --tmpfs /tmp, or TMPDIR names one",
        )
    path = private / "occupancy"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, _READ | os.O_DIRECTORY)
    except (FileExistsError, NotADirectoryError):  # a link is no folder to O_NOFOLLOW
        raise _not_ours(path) from None
    stack.callback(os.close, descriptor)
    if os.fstat(descriptor).st_uid != os.getuid():
        raise _not_ours(path)
    return descriptor


def _not_ours(path: Path) -> RunFailed:
    return RunFailed(f"{path} is no folder of this user's", hint="remove it")


def _claim(folder: int, cpus: set[int], stack: contextlib.ExitStack) -> tuple[Notice, ...]:
    """Writes this session's file; it is locked before it takes a name that others look at.

    Returns the notice that it is not, where nothing can be locked.
    """
    said: tuple[Notice, ...] = ()
    own = f"{os.getpid()}-{next(_numbers)}.json"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(f".{own}", flags, 0o600, dir_fd=folder)
    stack.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:  # without locks, that the process lives has to do
        said = (_lockless(error),)
    os.write(descriptor, json.dumps({"cpus": sorted(cpus)}).encode())
    os.rename(f".{own}", own, src_dir_fd=folder, dst_dir_fd=folder)
    stack.callback(_forget, folder, own)
    return said


def _lockless(error: OSError) -> Notice:
    text = (
        "whether others measure on the same CPUs is known by their process ids alone, which"
        f" containers do not share: locks are refused ({reason_of(error)})"
    )
    return Notice("occupancy-unknown", text, "TMPDIR on a local disk, in a sandbox with flock")


def _forget(folder: int, name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=folder)


def _others(folder: int, cpus: set[int]) -> Iterator[Notice]:
    shared: defaultdict[str, set[int]] = defaultdict(set)
    for name in _entries(folder):
        match = _NAME.fullmatch(name)
        if match is not None and match[1] != str(os.getpid()):
            shared[match[1]] |= cpus & _cpus_of(folder, name, int(match[1]))
    for pid, common in shared.items():
        if common:
            names = ",".join(str(cpu) for cpu in sorted(common))
            text = f"another r50bench run (pid {pid}) is measuring on CPU {names}"
            yield Notice("shared-cores", text, "wait for it, or give each its own CPUs (taskset)")


def _entries(folder: int) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in itertools.islice(entries, _MOST_ENTRIES))
    except OSError:
        return []


def _cpus_of(folder: int, name: str, pid: int) -> set[int]:
    """Returns the CPUs of a living run; what a dead one left is removed, what is none is not."""
    try:
        descriptor = os.open(name, _READ, dir_fd=folder)
    except OSError:
        return set()
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            return set()
        if not _is_running(descriptor, pid):
            _forget(folder, name)
            return set()
        return _cpus_in(os.read(descriptor, _MOST_BYTES))
    except OSError:
        return set()
    finally:
        os.close(descriptor)


def _is_running(descriptor: int, pid: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return Path(f"/proc/{pid}").exists()
    return False


def _cpus_in(data: bytes) -> set[int]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return set()
    cpus = said.get("cpus") if isinstance(said, dict) else None
    return {cpu for cpu in cpus if isinstance(cpu, int)} if isinstance(cpus, list) else set()
