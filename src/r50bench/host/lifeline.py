"""The life of a child process, tied to its parent's by the kernel."""

from __future__ import annotations

import ctypes
import os
import signal

__all__ = ["die_with_parent"]

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with_parent(parent_pid: int) -> None:
    """Has the kernel kill this process when ``parent_pid`` ends, even if it already has.

    Strictly it is the parent's thread that started this process whose end counts, see prctl(2).
    Processes that this one starts are not included.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)
