"""Binding of the calling thread and process to CPUs and memory nodes.

The system calls that Python has no wrapper for go through ctypes; their numbers and constants are
those of the Linux header <linux/mempolicy.h> and the syscall tables.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from r50bench.errors import RunFailed, reason_of
from r50bench.host.kernel_files import cpu_list_text, cpus_listed, read_text
from r50bench.host.refusals import forbidden_by

__all__ = [
    "bind_cpus",
    "bind_memory",
    "bind_team",
    "bound_memory_nodes",
    "busiest_threads",
    "give_way",
    "own_cpus",
    "pss_bytes",
    "threads_of_process",
]

_MPOL_BIND = 2
_MAX_NODES = 1024
_SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237}
_GET_MEMPOLICY = {"x86_64": 239, "aarch64": 236}

_NodeMask = ctypes.c_ulong * (_MAX_NODES // (8 * ctypes.sizeof(ctypes.c_ulong)))
_BITS = 8 * ctypes.sizeof(ctypes.c_ulong)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def bind_cpus(cpus: Iterable[int]) -> tuple[int, ...]:
    """Binds the calling thread (and threads it starts) to ``cpus``; returns what the kernel set.

    Raises:
        RunFailed: the kernel refuses, and the thread may run elsewhere, too.
    """
    wanted = frozenset(cpus)
    try:
        os.sched_setaffinity(0, wanted)
    except OSError as error:
        if own_cpus() != wanted:
            raise _not_bound(wanted, error) from error
    return tuple(sorted(own_cpus() or wanted))


def own_cpus() -> frozenset[int]:
    """Returns the CPUs that the calling thread may run on, none where nothing says."""
    with suppress(OSError):
        return frozenset(os.sched_getaffinity(0))
    status = read_text(Path("/"), "/proc/thread-self/status") or ""
    listed = re.search(r"^Cpus_allowed_list:\s*(\S+)", status, re.MULTILINE)
    return cpus_listed(listed[1]) if listed else frozenset()


def _not_bound(cpus: Iterable[int], error: OSError) -> RunFailed:
    what = f"instances cannot be bound to CPU {cpu_list_text(cpus)}: {reason_of(error)}"
    if error.errno == errno.EINVAL:
        return RunFailed(
            what,
            hint="the container's CPU set does not hold them: it changed, or is not what"
            " /proc/self/status shows",
        )
    return RunFailed(
        f"{what}; figures of instances that roam would not be true",
        hint=f"{forbidden_by()} forbids sched_setaffinity: use a profile that allows it"
        " (docker run --security-opt seccomp=PROFILE, --cap-add SYS_NICE)",
    )


def threads_of_process() -> set[int]:
    """Returns the kernel's ids of this process's threads; none where /proc does not show them."""
    try:
        return {int(name) for name in os.listdir("/proc/self/task")}
    except OSError:
        return set()


def busiest_threads(threads: Iterable[int], count: int, work: Callable[[], object]) -> list[int]:
    """Returns the ``count`` of ``threads`` that ran longest while ``work`` did, by kernel id.

    Fewer where fewer ran at all, or where the kernel does not say.
    """
    before = {thread: _ran_ns(thread) for thread in threads}
    work()
    ran = {thread: _ran_ns(thread) - earlier for thread, earlier in before.items()}
    busiest = sorted((thread for thread in ran if ran[thread] > 0), key=lambda one: -ran[one])
    return sorted(busiest[:count])


def _ran_ns(thread: int) -> int:
    """Returns the CPU time of one of this process's threads: proc(5), /proc/pid/schedstat."""
    try:
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def bind_team(helpers: Sequence[int], cpus: Sequence[int]) -> bool:
    """Binds the calling thread to the first CPU and each of its ``helpers`` to one of the others.

    Threads that may roam over all CPUs of an instance are now and then put on the same one, where
    two that wait for each other spin a whole time slice away at every barrier. Returns False where
    there is not one thread for each CPU, or where the kernel refuses.
    """
    if len(helpers) != len(cpus) - 1:
        return False
    try:
        for thread, cpu in zip((0, *helpers), cpus, strict=True):
            os.sched_setaffinity(thread, {cpu})
    except OSError:
        return not helpers and own_cpus() == frozenset(cpus)
    return True


def give_way(threads: Iterable[int], cpus: Iterable[int]) -> None:
    """Has ``threads`` of this process run on ``cpus`` only, and interrupt nobody there.

    By SCHED_IDLE, see sched(7): a thread that wakes up waits until the one that runs gives way or
    has had its share. A thread that is gone is passed over, and where the kernel refuses the
    policy, threads stay where they are.
    """
    for thread in threads:
        with suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
            os.sched_setaffinity(thread, cpus)


def bind_memory(nodes: Iterable[int]) -> bool:
    """Binds memory of the calling thread to NUMA ``nodes``; False where the kernel refuses."""
    number = _SET_MEMPOLICY.get(platform.machine())
    if number is None:
        return False
    mask = _NodeMask()
    for node in nodes:
        mask[node // _BITS] |= 1 << (node % _BITS)
    result = _libc().syscall(number, _MPOL_BIND, mask, ctypes.c_ulong(_MAX_NODES))
    return bool(result == 0)


def bound_memory_nodes() -> tuple[int, ...]:
    """Returns the NUMA nodes the calling thread's memory is bound to, or () if it is not."""
    number = _GET_MEMPOLICY.get(platform.machine())
    if number is None:
        return ()
    mode = ctypes.c_int()
    mask = _NodeMask()
    result = _libc().syscall(
        number, ctypes.byref(mode), mask, ctypes.c_ulong(_MAX_NODES), ctypes.c_void_p(0), 0
    )
    if result != 0 or mode.value != _MPOL_BIND:
        return ()
    return tuple(n for n in range(_MAX_NODES) if mask[n // _BITS] >> (n % _BITS) & 1)


def pss_bytes(pid: int | None = None) -> int | None:
    """Returns the proportional set size of a process (this one by default) in bytes.

    None where /proc does not show it, as under hidepid, gVisor, and kernels before 4.14.
    """
    rollup = read_text(Path("/"), f"/proc/{pid or 'self'}/smaps_rollup") or ""
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) * 1024 if found else None
