"""A look at cores: whether they run at full speed now, and who waited for one since the last look.

The loop of known work is ``canary.cpp``, a small library. Who builds and keeps it, and when it is
asked, is for :mod:`r50bench.measure` to say.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from r50bench.host.kernel_files import read_text

__all__ = ["Canary", "build_command", "openmp_teams"]

_OPENMP = ("libgomp", "libomp", "libiomp5")


class _State(ctypes.Structure):
    """``Canary`` of canary.cpp."""

    _fields_ = (
        ("parallel", ctypes.c_void_p),
        ("threads", ctypes.c_int64),
        ("files", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("waited_before", ctypes.c_void_p),
        ("switches", ctypes.c_int64),
        ("slowest_ns", ctypes.c_int64),
        ("waited_ns", ctypes.c_int64),
        ("cpus", ctypes.c_void_p),
    )


class Canary:
    """Looks at the calling thread's core, or at those of its OpenMP team; made in that thread.

    ``library`` is the built one. ``threads`` are the kernel's ids of those whose waiting counts;
    where the kernel does not tell of one it does not count. ``team``, one of :func:`openmp_teams`,
    has ``cores`` threads look at once, each at its own core.

    Raises:
        OSError: the library cannot be loaded.
    """

    def __init__(
        self, library: Path, threads: Iterable[int], team: int | None = None, cores: int = 1
    ) -> None:
        self._look = ctypes.CDLL(str(library)).canary_look
        self._look.argtypes, self._look.restype = (ctypes.c_void_p,), None
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
        self._at = address(self._state)

    def look(self) -> tuple[int, int]:
        """Returns what the loop took on the slowest core, and how long a thread waited, in ns.

        That is the thread that waited most for a CPU since the last look; -1 where the kernel does
        not say. It takes some microseconds.
        """
        self._look(self._at)
        return self._state.slowest_ns, self._state.waited_ns

    def cpus(self) -> tuple[int, ...]:
        """Returns the CPUs that the last look was at, ascending."""
        return tuple(sorted(set(self._cpus)))

    def close(self) -> None:
        """Closes the files that it reads."""
        for file in self._files:
            os.close(file)


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
