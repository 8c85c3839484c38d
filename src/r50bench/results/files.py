"""Files that processes share: whole or not there, held by one at a time, read back within bounds.

Whole: written aside, fsynced, then renamed; text and JSON keep file names of any bytes. Held: by
flock(2), which the kernel lets go of when the process ends, however it ends. A network file system
may know no locks (``nolock`` of NFS, Lustre without ``-o flock``), a sandbox may forbid them;
whoever asks learns that nothing is held, and goes on without. Within bounds: what lies on a disk
may be cut short, grown, replaced by something else, or made by others. None of it may cost more
than a bounded amount of memory, hang, or hide the files beside it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeVar

import msgspec

from r50bench.errors import RunFailed, UsageError, reason_of, system_refusal
from r50bench.notices import Notice
from r50bench.wording import visible

__all__ = [
    "MOST_JSON_BYTES",
    "Busy",
    "Hold",
    "checked_json",
    "from_json",
    "is_disk_full",
    "open_regular",
    "plain_json",
    "read_bounded",
    "sync",
    "tail_of",
    "to_json",
    "write_atomically",
    "write_text_atomically",
]

MOST_JSON_BYTES = 64 << 20
"""A record of 10,000 workers with their environments is smaller by half."""

_SURROGATE = (b"\\ud", b"\\uD")

_LOCKLESS = (
    errno.ENOLCK,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.EINVAL,
    errno.EIO,
    errno.EBADF,  # NFS wants a descriptor for writing, which a folder has none of
)
_SYNCLESS = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)  # FUSE, 9p, SMB
_LOOK_AGAIN_S = 0.1
_DAY_S = 86_400.0
_SHOWN_LINE = 500

T = TypeVar("T")


class Busy(Exception):
    """Another process holds what was asked for."""


class Hold:
    """A file or folder held by this process alone, until it is released or the process ends.

    A file that does not exist is made. ``certain`` is False where the file system holds nothing
    for anybody: others may be at the same work.

    Raises:
        Busy: another process holds it, and ``wait`` is False.
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self._path = path
        self.certain: bool | None
        if path.is_dir():
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        else:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self.certain = _locked(self._descriptor)
            # By turns and not in the kernel, where a thread could not be interrupted.
            while self.certain is None and wait:
                time.sleep(_LOOK_AGAIN_S)
                self.certain = _locked(self._descriptor)
            if self.certain is None:
                raise Busy(str(path))
        except BaseException:
            os.close(self._descriptor)
            raise

    def notices(self) -> tuple[Notice, ...]:
        """Returns the notice that nothing is held, where that is so."""
        if self.certain:
            return ()
        return (
            Notice(
                "no-locks",
                f"the file system of {self._path.parent} locks no files: another r50bench at the"
                " same work there is not noticed, and what a killed one left is kept for a day",
                "use a local disk, or mount it with locks (NFS without nolock, Lustre -o flock)",
            ),
        )

    def left_by_the_dead(self, folder: Path) -> bool:
        """Whether ``folder``, whose makers hold what is held here, has none any more.

        Where that cannot be known by holding, one is dead that has not written for a day.
        """
        if self.certain:
            return True
        times = [path.lstat().st_mtime for path in (folder, *folder.rglob("*"))]
        return time.time() - max(times) > _DAY_S

    def release(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _locked(descriptor: int) -> bool | None:
    """Locks it, if that can be; returns False where nothing can, None where another has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno in _LOCKLESS:
            return False
        raise
    return True


def is_disk_full(error: OSError) -> bool:
    """Whether the error says that the disk, or the user's quota on it, is used up."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path``, replacing the file there, so that no reader sees a part of it.

    The bytes and the folder's entry are on the disk when this returns. The file gets the mode the
    umask gives any new file. A symbolic link stays, and what it leads to is replaced, or made; a
    FIFO or a device stays, too, and is written into: a FIFO waits for its reader.

    Raises:
        RunFailed: the disk is full, or the folder is missing or cannot be written to.
    """
    try:
        if _is_stream(path):
            # Not to be made, should it have gone: O_CREAT is not there.
            with open(os.open(path, os.O_WRONLY | os.O_CLOEXEC), "wb") as stream:
                stream.write(data)
        else:
            _replace(Path(os.path.realpath(path)) if path.is_symlink() else path, data)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _is_stream(path: Path) -> bool:
    """Whether there is something that takes bytes and keeps none, such as a FIFO or a device."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:  # also where a link leads to nothing yet
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _replace(path: Path, data: bytes) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with open(aside, "xb") as file:
            file.write(data)
            file.flush()
            _sync(file.fileno())
        os.replace(aside, path)
        sync(path.parent)
    finally:
        # Gone already when the rename took place.
        with contextlib.suppress(OSError):
            aside.unlink()


def write_text_atomically(path: Path, text: str) -> None:
    """Writes ``text`` as UTF-8, in which names of files are the very bytes that they are.

    Raises:
        RunFailed: as :func:`write_atomically`.
    """
    write_atomically(path, text.encode(errors="surrogateescape"))


def sync(path: Path) -> None:
    """Has a file, or a folder's entries, written to the disk, where its file system can do that."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _SYNCLESS:
            raise


def _cannot_write(path: Path, error: OSError) -> RunFailed:
    if is_disk_full(error):
        return RunFailed(
            f"the disk is full: {path} was not written",
            hint=f"free some space on the file system of {path.parent}, or write elsewhere",
        )
    from r50bench.host.refusals import explained  # few files cannot be written

    error.filename = error.filename or str(path)
    if (told := explained(error)) is not None:
        return told
    return RunFailed(
        f"cannot write {path}: {reason_of(error)}",
        hint="name a folder that exists and that you may write to",
    )


def to_json(value: Any, *, indent: int | None = None) -> bytes:
    """Returns what msgspec can turn into JSON, on one line or with ``indent`` blanks a level.

    Python shows the bytes of a file's name that are no UTF-8 as lone surrogates (PEP 383). JSON has
    an escape for them, ``\\udce4``, which ``json`` writes and reads and msgspec does not.
    """
    try:
        compact = msgspec.json.encode(value)
    except UnicodeEncodeError:
        plain = msgspec.to_builtins(value, str_keys=True)
        separators = (",", ":") if indent is None else None
        return json.dumps(plain, indent=indent, separators=separators).encode()
    return compact if indent is None else msgspec.json.format(compact, indent=indent)


def from_json(data: bytes, type: Any = Any) -> Any:
    """Reads JSON as the given type, which is one of msgspec's.

    Raises:
        msgspec.DecodeError: it is no JSON; its subclass ValidationError: it is of another type.
        UnicodeDecodeError: it is no UTF-8.
    """
    try:
        return msgspec.json.decode(data, type=type)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        if not any(mark in data for mark in _SURROGATE):
            raise
        try:
            plain = json.loads(data)
        except (ValueError, RecursionError):
            raise error from None
        return msgspec.convert(plain, type)


@contextlib.contextmanager
def open_regular(path: Path) -> Iterator[IO[bytes]]:
    """Opens a regular file for reading, and nothing else: a FIFO would be waited for.

    Raises:
        UsageError: it is no regular file.
        OSError: the system refuses it, or there is none.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"{path} is no regular file", hint="remove it, or replace it")
        with open(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def read_bounded(path: Path, most: int = MOST_JSON_BYTES) -> bytes:
    """Returns the bytes of a regular file that has ``most`` of them at most.

    Raises:
        FileNotFoundError: there is none.
        UsageError: it is no regular file, or it is larger.
        RunFailed: the system refuses it.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(most + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise system_refusal(f"read {path}", error) from error
    if len(data) > most:
        raise UsageError(
            f"{path} has {size:,} bytes, where {most:,} are the most that can be right",
            hint="take it from where it was copied, or remove it",
        )
    return data


def plain_json(data: bytes) -> Any:
    """Returns what JSON says, of any shape, with control characters of its texts made visible.

    Line feeds and tabs stay. No text that comes from a file may move the terminal's cursor. UTF-16,
    which PowerShell's ``>`` writes, is understood, and so is a byte-order mark.

    Raises:
        ValueError: it is no JSON, is nested too deep, or is of another encoding.
    """
    try:
        encoding = json.detect_encoding(data)
        if encoding != "utf-8":
            data = data.decode(encoding).encode()
        return _visible(from_json(data))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def checked_json(data: bytes, shape: type[T]) -> T:
    """Returns what JSON says, as ``shape``, which msgspec knows how to check.

    Raises:
        ValueError: it is no JSON, or of another shape.
    """
    try:
        return msgspec.convert(plain_json(data), shape)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def tail_of(path: Path, lines: int, most: int = 64 << 10) -> list[str]:
    """Returns the last lines of a text file, reading ``most`` bytes of it at most.

    Control characters are made visible, and long lines are cut. What cannot be read has no lines.
    """
    try:
        with open_regular(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            text = file.read(most).decode(errors="replace")
    except (OSError, UsageError):
        return []
    return [visible(line)[:_SHOWN_LINE] for line in text.strip().splitlines()[-lines:]]


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(name): _visible(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_visible(part) for part in value]
    return value
