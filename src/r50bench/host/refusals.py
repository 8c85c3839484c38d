"""What the system refuses, said so that it can be mended: which limit, and how it is raised.

The limits are those of setrlimit(2), and of control groups as Linux, Documentation/admin-guide/
cgroup-v2.rst and cgroup-v1/, has them.
"""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
from pathlib import Path

from r50bench.errors import RunFailed, is_system_refusal, system_refusal
from r50bench.host.kernel_files import (
    read_cgroup_limits,
    read_oom_kills,
    read_pids_max,
    read_text,
)

__all__ = [
    "explained",
    "explained_log",
    "forbidden_by",
    "killed_for_memory",
    "time_is_up",
    "why_not_started",
]

_UNITS = ("bytes", "KiB", "MiB", "GiB")
# What libgomp, OpenBLAS, glibc and Python say of a thread or a process that could not be started.
_NO_THREAD = re.compile(
    r"can't start new thread|Thread creation failed|pthread_create failed"
    r"|fork: (?:retry: )?Resource temporarily unavailable"
    r"|vfork: Resource temporarily unavailable|\[Errno 11\] Resource temporarily unavailable"
)
_NO_MEMORY = re.compile(
    r"MemoryError|std::bad_alloc|Cannot allocate memory|can't allocate memory"
    r"|virtual memory exhausted|out of memory",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(r"File too large|File size limit exceeded")


def explained(error: BaseException, root: Path = Path("/")) -> RunFailed | None:
    """Returns what to tell of an error that is the system's refusal, None for any other."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EAGAIN or (
        isinstance(error, RuntimeError) and _NO_THREAD.search(str(error))
    ):
        return _no_more_threads(root)
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return _no_more_memory(root)
    name = getattr(error, "filename", None)
    if number == errno.EFBIG:
        return _file_too_large(os.fsdecode(name) if name else "a file")
    if number in (errno.EMFILE, errno.ENFILE):
        return _no_more_files()
    if isinstance(error, OSError) and is_system_refusal(error):
        return system_refusal(f"use {os.fsdecode(name) if name else 'a file'}", error)
    return None


def explained_log(text: str, root: Path = Path("/")) -> RunFailed | None:
    """As :func:`explained`, by what a program has said before it failed."""
    if _NO_THREAD.search(text):
        return _no_more_threads(root)
    if _NO_MEMORY.search(text):
        return _no_more_memory(root)
    return _file_too_large("a file") if _TOO_LARGE.search(text) else None


def _no_more_threads(root: Path) -> RunFailed:
    limits = []
    if (most := read_pids_max(root)) is not None:
        limits.append(f"pids.max of the control group is {most}")
    if (most := _soft_limit(resource.RLIMIT_NPROC)) is not None:
        limits.append(f"ulimit -u is {most}")
    return RunFailed(
        f"no more threads or processes may be started{_listed(limits)}",
        hint="allow some 20 and 2 for each core: docker run --pids-limit, podPidsLimit in"
        " Kubernetes, TasksMax in systemd, ulimit -u",
    )


def _no_more_memory(root: Path) -> RunFailed:
    limits = []
    if (size := read_cgroup_limits(root).memory_bytes) is not None:
        limits.append(f"the control group's limit is {_size(size)}")
    if (size := _soft_limit(resource.RLIMIT_AS)) is not None:
        limits.append(f"ulimit -v is {_size(size)}")
    return RunFailed(
        f"there is not enough memory{_listed(limits)}",
        hint="allow more (docker run --memory, ulimit -v), or ask for less: fewer instances,"
        " --weight-sharing, a smaller batch",
    )


def _file_too_large(name: str) -> RunFailed:
    size = _soft_limit(resource.RLIMIT_FSIZE)
    limits = [] if size is None else [f"ulimit -f is {_size(size)}"]
    return RunFailed(
        f"{name} would be larger than files may be here{_listed(limits)}",
        hint="ulimit -f unlimited, or a file system that takes larger files",
    )


def _no_more_files() -> RunFailed:
    most = _soft_limit(resource.RLIMIT_NOFILE)
    return RunFailed(
        f"no more files may be opened{_listed([f'ulimit -n is {most}'] if most else [])}",
        hint="ulimit -n 1024 or more (docker run --ulimit nofile=1024)",
    )


def _listed(limits: list[str]) -> str:
    return f": {', '.join(limits)}" if limits else ""


def _soft_limit(kind: int) -> int | None:
    soft, _ = resource.getrlimit(kind)
    return None if soft == resource.RLIM_INFINITY else soft


def _size(count: float) -> str:
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.4g} {_UNITS[unit]}"


def killed_for_memory(kills_before: int | None, root: Path = Path("/")) -> RunFailed | None:
    """Returns what to tell of a process that SIGKILL ended, if the kernel did that for its memory.

    ``kills_before`` is what :func:`.read_oom_kills` gave before the process was started. None where
    it was not that, or nobody counts.
    """
    now = read_oom_kills(root)
    if now is None or kills_before is None or now <= kills_before:
        return None
    return _no_more_memory(root)


def time_is_up(status: int) -> RunFailed | None:
    """Returns what to tell of a process that a limit of CPU time may have ended; ``status`` as
    :mod:`subprocess` has it."""
    limit = _soft_limit(resource.RLIMIT_CPU)
    if limit is None or status not in (-signal.SIGXCPU, -signal.SIGKILL):
        return None
    return RunFailed(
        f"its CPU time may have been up: ulimit -t is {limit} s", hint="ulimit -t unlimited"
    )


def why_not_started(error: OSError) -> str | None:
    """Returns what to do about a program that could not be started, None where nobody knows."""
    if error.errno == errno.EPERM:
        return f"{forbidden_by()} forbids setsid: use a profile that allows it"
    if error.filename == os.devnull:
        return f"{os.devnull} is missing: show the container a /dev (bwrap: --dev /dev)"
    return None


def forbidden_by(root: Path = Path("/")) -> str:
    """Names what may forbid a system call here: a seccomp filter, a security module's profile."""
    status = read_text(root, "/proc/self/status") or ""
    found = []
    if re.search(r"^Seccomp:\s*2", status, re.MULTILINE):
        found.append("a seccomp filter")
    label = (read_text(root, "/proc/self/attr/current") or "").rstrip("\0").strip()
    if label and not label.startswith(("unconfined", "kernel")):
        found.append(f"the security profile {label}")
    if "gvisor" in (read_text(root, "/proc/version") or "").lower():
        found.append("gVisor")
    return " or ".join(found) or "the kernel"
