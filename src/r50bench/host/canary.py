"""A look at cores: whether they run at full speed now, and who waited for one since the last look.

The loop of known work is ``canary.cpp``, a small library. Who builds and keeps it, and when it is
asked, is for :mod:`r50bench.measure` to say.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from mmap import mmap
from pathlib import Path
from typing import Protocol

from r50bench.host.kernel_files import read_text

__all__ = ["Canary", "CoreWatch", "Look", "build_command", "openmp_teams"]

_OPENMP = ("libgomp", "libomp", "libiomp5")


Look = Callable[[int], int]
"""Looks at cores after a batch that ended at this stamp, and returns when to look again, in ns."""


class CoreWatch(Protocol):
    """What looks at an instance's cores between the batches of a round."""

    @property
    def look(self) -> Look:
        """Is called after a batch, in the instance's thread."""

    def begin(self, most: int) -> None:
        """Forgets all looks and makes room for ``most``; more are not taken."""

    def found(self) -> list[tuple[int, int, int]]:
        """Returns for each look: the stamp it was taken after, what was found, what was waited.

        All in ns: what the loop of known work took on the slowest core, and for how long the thread
        that waited most was ready without a CPU since the look before; -1 where nobody tells.
        """


class _State(ctypes.Structure):
    """``Canary`` of canary.cpp."""

    _fields_ = (
        ("parallel", ctypes.c_void_p),
        ("threads", ctypes.c_int64),
        ("files", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("waited_before", ctypes.c_void_p),
        ("switches", ctypes.c_int64),
        ("cpus", ctypes.c_void_p),
        ("most", ctypes.c_int64),
        ("taken", ctypes.c_int64),
        ("after_ns", ctypes.c_void_p),
        ("slowest_ns", ctypes.c_void_p),
        ("waited_ns", ctypes.c_void_p),
        ("cost_ns", ctypes.c_void_p),
    )


class Canary:
    """Looks at the calling thread's core, or at those of its OpenMP team; made in that thread.

    ``library`` is the built one. ``threads`` are the kernel's ids of those whose waiting counts;
    where the kernel does not tell of one it does not count. ``team``, one of :func:`openmp_teams`,
    has ``cores`` threads look at once, each at its own core. Stamps are of CLOCK_MONOTONIC. A look
    takes some microseconds, 10 to 30 where batches and other guests leave nothing of its code in
    the caches; looks are due so seldom that all together cost a thousandth of the time.

    Raises:
        OSError: the library cannot be loaded.
    """

    def __init__(
        self, library: Path, threads: Iterable[int], team: int | None = None, cores: int = 1
    ) -> None:
        loaded = ctypes.CDLL(str(library))
        opened = list(_opened(threads))
        self._files = (ctypes.c_int32 * len(opened))(*opened)
        self._waited = (ctypes.c_int64 * len(opened))(*map(_waited_ns, opened))
        self._cpus = (ctypes.c_int32 * cores)(*[-1] * cores)
        address = ctypes.addressof
        self._state = _State(
            parallel=team,
            threads=cores,
            files=address(self._files),
            count=len(opened),
            waited_before=address(self._waited),
            cpus=address(self._cpus),
        )
        self.look: Look = _method(loaded, address(self._state))
        self.begin(1)

    def begin(self, most: int) -> None:
        """Forgets all looks and makes room for ``most``; more are not taken."""
        row = ctypes.c_int64 * most
        self._rows = [row.from_buffer(mmap(-1, ctypes.sizeof(row))) for _ in range(4)]
        after, slowest, waited, cost = map(ctypes.addressof, self._rows)
        state = self._state
        state.most, state.taken = most, 0
        state.after_ns, state.slowest_ns, state.waited_ns = after, slowest, waited
        state.cost_ns = cost

    def found(self) -> list[tuple[int, int, int]]:
        """See :meth:`CoreWatch.found`."""
        after, slowest, waited = (row[: self._state.taken] for row in self._rows[:3])
        return list(zip(after, slowest, waited, strict=True))

    def cpus(self) -> tuple[int, ...]:
        """Returns the CPUs that the last look was at, ascending."""
        return tuple(sorted(set(self._cpus)))

    def close(self) -> None:
        """Closes the files that it reads."""
        for file in self._files:
            os.close(file)


def _method(library: ctypes.CDLL, canary: int) -> Look:
    """Returns ``canary_method`` of canary.cpp as a function of Python's, bound to a canary."""
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    bind = kind(("PyCFunction_NewEx", ctypes.pythonapi))
    method = ctypes.addressof(ctypes.c_char.in_dll(library, "canary_method"))
    bound: Look = bind(method, canary, None)
    return bound


def build_command(compiler: Sequence[str], source: Path, target: Path) -> list[str]:
    """Returns the command that builds the library, one for all CPUs of an architecture."""
    flags = ("-std=c++17", "-O2", "-shared", "-fPIC")
    return [*compiler, *flags, str(source), "-o", str(target)]


def openmp_teams(root: Path = Path("/")) -> Iterator[int]:
    """Yields the address of ``GOMP_parallel`` in each OpenMP library that this process has loaded.

    Each library has teams of its own; which one computes does not show here.
    """
    maps = read_text(root, "/proc/self/maps") or ""
    paths = (line.split(maxsplit=5)[5] for line in maps.splitlines() if line.count("/"))
    for path in dict.fromkeys(paths):
        if Path(path).name.startswith(_OPENMP):
            with suppress(OSError, AttributeError):
                function = ctypes.CDLL(path).GOMP_parallel
                address = ctypes.cast(function, ctypes.c_void_p).value
                if address is not None:
                    yield address


def _opened(threads: Iterable[int]) -> Iterator[int]:
    """Yields open files of the threads that the kernel tells of."""
    for thread in threads:
        with suppress(OSError):
            file = os.open(f"/proc/self/task/{thread}/schedstat", os.O_RDONLY)
            if _waited_ns(file) < 0:
                os.close(file)
            else:
                yield file


def _waited_ns(file: int) -> int:
    """Returns for how long the thread of a ``schedstat`` was ready without a CPU; -1 if untold.

    Some kernels have the file and leave it at 0, also for a thread that runs.
    """
    try:
        ran, waited, _ = (int(word) for word in os.pread(file, 96, 0).split())
    except (OSError, ValueError):
        return -1
    return waited if ran else -1
