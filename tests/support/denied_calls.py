"""Runs a program to whom the kernel denies some system calls, as a sandbox's profile does.

    python denied_calls.py flock=ENOLCK,memfd_create=ENOSYS PROGRAM ARGUMENT…

By a filter of seccomp(2) that the program's children inherit; it takes no privilege.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from pathlib import Path

__all__ = ["can_deny", "denying"]

# <asm/unistd.h>
_NUMBERS = {
    "x86_64": {
        "kill": 62,
        "flock": 73,
        "fsync": 74,
        "prctl": 157,
        "setsid": 112,
        "renameat": 264,
        "rename": 82,
        "sched_setaffinity": 203,
        "sched_getaffinity": 204,
        "set_mempolicy": 238,
        "fallocate": 285,
        "memfd_create": 319,
        "statx": 332,
        "clone3": 435,
    },
    "aarch64": {
        "kill": 129,
        "flock": 32,
        "fsync": 82,
        "prctl": 167,
        "setsid": 157,
        "renameat": 38,
        "rename": 38,
        "sched_setaffinity": 122,
        "sched_getaffinity": 123,
        "set_mempolicy": 237,
        "fallocate": 47,
        "memfd_create": 279,
        "statx": 291,
        "clone3": 435,
    },
}
# <linux/prctl.h>, <linux/seccomp.h>, <linux/bpf_common.h>
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_MODE_FILTER = 2
_RETURN_ERRNO, _RETURN_ALLOW = 0x00050000, 0x7FFF0000
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_AT_NUMBER = 0  # of struct seccomp_data


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def can_deny() -> bool:
    """Whether calls can be denied here."""
    return platform.machine() in _NUMBERS and Path("/proc/sys/kernel/seccomp").exists()


def denying(calls: str, command: list[str]) -> list[str]:
    """Returns the command that runs ``command`` with ``calls`` denied (``flock=ENOLCK,…``)."""
    return [sys.executable, __file__, calls, *command]


def _deny(calls: str) -> None:
    numbers = _NUMBERS[platform.machine()]
    steps = [struct.pack("=HBBI", _LOAD_WORD, 0, 0, _AT_NUMBER)]
    for call in calls.split(","):
        name, _, error = call.partition("=")
        answer = _RETURN_ERRNO | getattr(errno, error)
        steps.append(struct.pack("=HBBI", _JUMP_IF_EQUAL, 0, 1, numbers[name]))
        steps.append(struct.pack("=HBBI", _RETURN, 0, 0, answer))
    steps.append(struct.pack("=HBBI", _RETURN, 0, 0, _RETURN_ALLOW))
    program = _Program(len(steps), b"".join(steps))
    libc = ctypes.CDLL(None, use_errno=True)
    refused = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0
    )
    if refused:
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    _deny(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])
