"""What can go wrong, as the user sees it.

Every error carries what was wrong (the message), what to do next (the hint) and the exit code:

    R50BenchError            1    a bug of ours, if raised as itself
    ├── UsageError           2    the request cannot be right on any machine
    ├── CheckFailed          3    a check failed: accuracy, regression
    ├── TooNoisy             4    what was measured cannot tell whether the check holds
    ├── RunFailed            5    the run could not be carried out or is invalid
    │   ├── AssetError       5    bytes are missing, unreachable, damaged or of the wrong shape
    │   │   └── Unavailable  5    the network or a tool gave nothing; another asset may serve
    │   ├── EngineError      5    the engine could not be built or did not run what it claims
    │   └── WorkerFailed     5    a worker died, hung, or answered short or late
    ├── Unsupported          6    right elsewhere, but this host cannot run it
    └── Interrupted        130    Ctrl-C or SIGTERM
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable

__all__ = [
    "AssetError",
    "CheckFailed",
    "EngineError",
    "Interrupted",
    "R50BenchError",
    "RunFailed",
    "TooNoisy",
    "Unavailable",
    "Unsupported",
    "UsageError",
    "WorkerFailed",
    "did_you_mean",
    "is_system_refusal",
    "reason_of",
    "system_refusal",
]


class R50BenchError(Exception):
    """Base of all errors that are shown to the user without a traceback."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(R50BenchError):
    """The request cannot be right on any machine."""

    exit_code = 2


class CheckFailed(R50BenchError):
    """A check on the results failed."""

    exit_code = 3


class TooNoisy(R50BenchError):
    """What was measured scatters too much, or is too little, to tell whether a check holds."""

    exit_code = 4


class RunFailed(R50BenchError):
    """The run could not be carried out, or what it gave is invalid."""

    exit_code = 5


class AssetError(RunFailed):
    """Weights, pictures or a compiled model are missing, unreachable or damaged."""


class Unavailable(AssetError):
    """The network or the tool gave nothing usable; another asset may serve instead."""


class EngineError(RunFailed):
    """The engine could not be built, or it ran other kernels than the case claims."""


class WorkerFailed(RunFailed):
    """A worker died, hung, or answered short or late."""


class Unsupported(R50BenchError):
    """This host cannot run the case; another could."""

    exit_code = 6


class Interrupted(R50BenchError):
    """The user stopped the run."""

    exit_code = 130


def did_you_mean(word: str, known: Iterable[str], *, most: int = 3) -> str | None:
    """Returns a hint naming the known words nearest to ``word``, or None if none is near."""
    near = difflib.get_close_matches(word, list(known), n=most, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else None


_WRITABLE = "name a folder that exists and that you may write to"
_OTHER_DISK = "the disk or its server is failing (dmesg may say more): use another"
_MENDS = {
    errno.ENOSPC: "free some space there, or name another place",
    errno.EDQUOT: "free some of your quota there, or name another place",
    errno.EFBIG: "raise the limit of file sizes: ulimit -f unlimited",
    errno.EMFILE: "raise the limit of open files: ulimit -n 4096",
    errno.ENFILE: "the whole system has too many files open: end what has them",
    errno.ENOMEM: "leave it more memory: end other programs, or raise the container's limit",
    errno.EAGAIN: "raise the limit of processes: ulimit -u, or the container's pids.max",
    errno.EROFS: "that file system may only be read: name another place",
    errno.EACCES: "name a place that you may use, or have its mode changed",
    errno.EPERM: "name a place that you may use, or have its mode changed",
    errno.ENAMETOOLONG: "take a shorter name",
    errno.ELOOP: "it leads to itself: replace the symbolic link",
    errno.EIO: _OTHER_DISK,
    errno.EREMOTEIO: _OTHER_DISK,
    errno.ESTALE: _OTHER_DISK,
    errno.ETIMEDOUT: _OTHER_DISK,
    errno.ENOTCONN: _OTHER_DISK,
    errno.ENXIO: _OTHER_DISK,
}
"""What the system may refuse to anybody, and what mends it. Other numbers speak of our calls."""


def is_system_refusal(error: BaseException) -> bool:
    """Whether it says that the system refused a service, whatever was asked of it."""
    return isinstance(error, OSError) and error.errno in _MENDS


def reason_of(error: OSError) -> str:
    """Returns why the system refused something, to follow a colon: ``no space left on device``."""
    return os.strerror(error.errno).lower() if error.errno else str(error).lower()


def system_refusal(doing: str, error: OSError) -> RunFailed:
    """Returns what to tell of something that the system refused.

    ``doing`` completes "cannot", and names the path: ``write /runs/record.json``.
    """
    return RunFailed(
        f"cannot {doing}: {reason_of(error)}", hint=_MENDS.get(error.errno or 0, _WRITABLE)
    )
