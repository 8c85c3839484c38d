"""Files that are either whole or not there: written aside, fsynced, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from r50bench.errors import RunFailed

__all__ = ["is_disk_full", "write_atomically"]


def is_disk_full(error: OSError) -> bool:
    """Whether the error says that the disk, or the user's quota on it, is used up."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path``, replacing what was there, so that no reader sees a part of it.

    The bytes and the folder's entry are on the disk when this returns. The file gets the mode the
    umask gives any new file.

    Raises:
        RunFailed: the disk is full, or the folder is missing or cannot be written to.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with open(aside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        # Gone already when the rename took place.
        with contextlib.suppress(OSError):
            aside.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> RunFailed:
    if is_disk_full(error):
        return RunFailed(
            f"the disk is full: {path} was not written",
            hint=f"free some space on the file system of {path.parent}, or write elsewhere",
        )
    reason = (error.strerror or str(error)).lower()
    return RunFailed(
        f"cannot write {path}: {reason}",
        hint="name a folder that exists and that you may write to",
    )
