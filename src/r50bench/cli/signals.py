"""Ctrl-C, SIGTERM and SIGHUP: the first is cleaned up after, the second is not waited for."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType

from r50bench.errors import Interrupted

__all__ = ["stop_on_signals"]

_TOGETHER_S = 0.5
"""sudo and the terminal both pass a Ctrl-C on: what comes so soon after is the same one."""

_SHOW_CURSOR = b"\x1b[?25h"  # xterm's DECTCEM; a progress bar may have hidden it


class _Stop:
    """A handler that raises KeyboardInterrupt once, and ends the process when it is asked again."""

    def __init__(self) -> None:
        self._first: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            raise KeyboardInterrupt
        if now - self._first > _TOGETHER_S:
            _end_at_once()


def stop_on_signals() -> None:
    """Has the three signals end this process with the exit code of what was interrupted.

    Those that are ignored, as nohup and shells without job control have it, stay ignored.
    """
    stop = _Stop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)


def _end_at_once() -> None:
    """Leaves what is unfinished to the next run, which sweeps it; children die with their parent.

    Nothing of Python's is used that might be what hangs.
    """
    shown = _SHOW_CURSOR if sys.stderr is not None and os.isatty(2) else b""
    os.write(2, shown + b"\nr50bench: interrupted twice: ended without cleaning up\n")
    os._exit(Interrupted.exit_code)
