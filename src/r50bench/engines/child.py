"""A child process that computes for the parent and dies with it, and the end of what it said."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from r50bench.engines.environment import python_command
from r50bench.host.kernel_files import read_oom_kills
from r50bench.host.lifeline import die_together
from r50bench.host.refusals import explained, explained_log, killed_for_memory

__all__ = ["STOP", "ChildLog", "end_child", "main", "run_child", "start_child"]

STOP: ContextVar[threading.Event | None] = ContextVar("STOP", default=None)
"""Ends the children of the threads whose context has it, once it is set: a thread that waits for a
child cannot be interrupted otherwise."""

_MODULE = "r50bench.engines.child"
_LOOK_UP_S = 0.2
_TAIL_LINES = 25
_TAIL_BYTES = 64 << 10


@dataclass(frozen=True)
class ChildLog:
    """``failure`` says how the child failed (``"ended with status 1"``), None if it did not."""

    failure: str | None
    tail: str


def run_child(
    module_and_arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float
) -> ChildLog:
    """Runs ``python -m MODULE ARGUMENTS…`` to its end; stdout and stderr go to the log.

    Python is this one, or the one that ``environment`` names (:mod:`.interpreter`).

    The child leads a process group, which is killed as a whole when the time is up, when
    :data:`STOP` is set, and when the caller is interrupted or fails while waiting. It ends with the
    caller, too, if that is killed, and so does a compiler that it has running.
    """
    oom_kills = read_oom_kills(Path("/"))
    with tempfile.TemporaryFile() as log:
        try:
            child = start_child(module_and_arguments, environment, log, subprocess.STDOUT)
        except OSError as error:
            told = explained(error)
            return ChildLog(f"could not be started: {told.message if told else error}", "")
        try:
            failure = _await(child, timeout_s)
        finally:
            end_child(child)
        tail = _tail(log)
        if failure is not None:
            killed = killed_for_memory(oom_kills) if child.returncode == -signal.SIGKILL else None
            told = killed or explained_log(tail)
            failure = f"{failure}: {told.message}; {told.hint}" if told else failure
        return ChildLog(failure, tail)


def start_child(
    module_and_arguments: Sequence[str],
    environment: Mapping[str, str],
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
) -> subprocess.Popen[bytes]:
    """Starts ``python -m MODULE ARGUMENTS…``, as leader of a group that dies with this process.

    Raises:
        OSError: the system refuses it.
    """
    return subprocess.Popen(
        [*python_command(_MODULE, environment), str(os.getpid()), *module_and_arguments],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def _await(child: subprocess.Popen[bytes], timeout_s: float) -> str | None:
    """Returns how the child failed, None where it did not."""
    stop, deadline = STOP.get(), time.monotonic() + timeout_s
    while True:
        left = deadline - time.monotonic()
        try:
            return _failure(child.wait(left if stop is None else min(left, _LOOK_UP_S)))
        except subprocess.TimeoutExpired:
            if stop is not None and stop.is_set():
                return "was stopped"
            if time.monotonic() >= deadline:
                return f"did not end within {timeout_s:g} s"


def _failure(status: int) -> str | None:
    if status == 0:
        return None
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def end_child(child: subprocess.Popen[bytes]) -> None:
    """Kills what is left of the child's group: compilers it started outlive it."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _tail(log: BinaryIO) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _TAIL_BYTES))
    lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


def main() -> None:
    """Entry point of every child: ``PARENT MODULE ARGUMENTS…``; becomes ``-m MODULE``."""
    die_together(int(sys.argv[1]))
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
