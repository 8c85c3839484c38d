"""The life of a child process, tied to its parent's by the kernel."""

from __future__ import annotations

import ctypes
import os
import signal

__all__ = ["die_together", "die_with_parent"]


_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with_parent(parent_pid: int, number: int = signal.SIGKILL) -> None:
    """Has the kernel send this process a signal when ``parent_pid`` ends, even if it already has.

    Strictly it is the parent's thread that started this process whose end counts, see prctl(2).
    Processes that this one starts are not included.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def die_together(parent_pid: int) -> None:
    """Has this process and all it starts be killed when ``parent_pid`` ends.

    Call it in the leader of a process group, before any thread is started: it goes on in a child,
    and the leader stays behind as a watch, which ends as the child does. What the kernel sends at a
    parent's end reaches one process only, and compilers have children of their own.
    """
    watched = {signal.SIGTERM, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    die_with_parent(parent_pid, signal.SIGTERM)
    leader = os.getpid()
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, watched)
        die_with_parent(leader)
        return
    while signal.sigwait(watched) == signal.SIGCHLD:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _end_as(status)
    os.killpg(0, signal.SIGKILL)


def _end_as(status: int) -> None:
    """Ends this process as one with that wait status has ended."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)
