"""Runs a command whose output is both shown and kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

__all__ = ["run_logged"]

_BLOCK = 1 << 16
_KILLED = 128  # as a shell tells of a program that a signal ended


def run_logged(command: Sequence[str], log: Path) -> int:
    """Runs ``command`` to its end, copying its stdout and stderr to this process's and to ``log``.

    An interruption is passed on to it, once, and its end waited for. Returns its exit code.
    """
    with (
        log.open("wb", buffering=0) as kept,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ,  # and not what putenv has added for this process's own sake
        ) as child,
    ):
        try:
            _copy(child, kept.fileno())
        except KeyboardInterrupt:
            child.send_signal(signal.SIGTERM)
            _copy(child, kept.fileno())
        status = child.wait()
    return status if status >= 0 else _KILLED - status


def _copy(child: subprocess.Popen[bytes], log: int) -> None:
    """Copies until both ends are closed; what cannot be shown any more is kept all the same."""
    assert child.stdout is not None
    assert child.stderr is not None
    with DefaultSelector() as streams:
        streams.register(child.stdout, EVENT_READ, sys.stdout.fileno())
        streams.register(child.stderr, EVENT_READ, sys.stderr.fileno())
        while streams.get_map():
            for key, _ in streams.select():
                block = os.read(key.fd, _BLOCK)
                if not block:
                    streams.unregister(key.fileobj)
                for target in (log, key.data) if block else ():
                    _write(target, block)


def _write(target: int, block: bytes) -> None:
    left = memoryview(block)
    try:
        while left:
            left = left[os.write(target, left) :]
    except BrokenPipeError:
        pass
