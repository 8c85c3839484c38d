"""The pipe from which the logs are taken: whoever opens it gets them as a tar, once they are there.

The Workload Services Framework reads it by ``docker exec ID cat /export-logs``, which waits as long
as nobody writes.
"""

from __future__ import annotations

import os
import stat
import tarfile
import time
from pathlib import Path

from r50bench.errors import RunFailed, UsageError, reason_of

__all__ = ["ensure_pipe", "offer", "write_archive"]

_UNTIL_GONE_S = 1.0
"""A reader sees the end where no writer is left: the pipe is not opened again as long as it may
still look."""


def ensure_pipe(path: Path) -> None:
    """Makes the pipe where there is none.

    Raises:
        UsageError: it cannot be made, or something else has its name.
    """
    try:
        os.mkfifo(path)
        path.chmod(0o666)  # others than this user may fetch the logs
    except FileExistsError:
        pass
    except OSError as error:
        raise UsageError(
            f"the pipe {path} cannot be made: {reason_of(error)}",
            hint="name one in a folder that you may write to with --export-logs",
        ) from None
    if not stat.S_ISFIFO(path.stat().st_mode):
        raise UsageError(f"{path} is no pipe", hint="name another with --export-logs")


def offer(pipe: Path, folder: Path) -> None:
    """Writes the archive to everyone who opens the pipe, one after the other, without end."""
    while True:
        ensure_pipe(pipe)  # somebody may have removed it
        write_archive(pipe, folder)
        time.sleep(_UNTIL_GONE_S)


def write_archive(pipe: Path, folder: Path) -> None:
    """Writes all in ``folder`` as a tar to whoever opens ``pipe`` next, and waits for that.

    Who closes it before the end has had enough.

    Raises:
        RunFailed: the pipe or the folder is gone.
    """
    try:
        with (
            open(pipe, "wb", opener=_open_there) as file,
            tarfile.open(fileobj=file, mode="w|") as archive,
        ):
            for path in sorted(folder.iterdir()):
                archive.add(path, path.name, filter=_of_nobody)
    except BrokenPipeError:
        pass
    except FileNotFoundError as error:
        raise RunFailed(
            f"cannot hand out the logs: {error.filename} is gone",
            hint="start the workload again, and leave its folder and its pipe until it is ended",
        ) from error


def _open_there(path: str, flags: int) -> int:
    """Opens what is there: a pipe that is gone does not become a file that fills the disk."""
    return os.open(path, os.O_WRONLY)


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leaves out who owned it: a number inside the container is somebody else outside of it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
