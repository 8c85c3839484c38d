"""Folders in a ZIP: bounded, with names that stay where they are put, unpacked aside.

A ZIP and no tar: each file in it has a checksum of its own and is compressed alone, so that one
damaged entry costs one file (a compressed tar loses all that follows), names and sizes are known
before anything is unpacked, and nothing is followed: a link in it is a file that holds a path.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from r50bench.errors import UsageError, reason_of
from r50bench.results.files import is_disk_full

__all__ = [
    "LARGEST_RECORD",
    "MOST_FILES",
    "Files",
    "aside",
    "check_files",
    "chunks",
    "empty",
    "files_of",
    "read_bounded",
    "stays_inside",
    "unpack",
]

LARGEST_RECORD = 2 * 2**30
MOST_FILES = 1000
"""Bounds of one record's folder, in bytes and files: far beyond what any run leaves. LoadGen's log
of a whole ImageNet is a tenth of it."""

_CHUNK = 2**20

Files = list[tuple[PurePosixPath, zipfile.ZipInfo]]
"""Where each file goes in its folder, and where its bytes are."""


def files_of(folder: Path) -> Iterator[Path]:
    """Yields the plain files of a record's folder; links lead out of it and are no part of it."""
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def stays_inside(name: str) -> bool:
    """Whether a file of that name lies in the folder in which it is put, on every system."""
    parts = name.split("/")
    return name.isprintable() and "\\" not in name and not {"", ".", ".."} & {*parts}


def read_bounded(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Returns an entry's bytes, of which there are at most ``most``, whatever its header says.

    Raises:
        KeyError: there is no such entry.
        ValueError: it is larger, damaged, encrypted, or compressed in an unknown way.
    """
    return b"".join(chunks(archive, archive.getinfo(name), most))


def chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
    """Yields an entry's bytes in pieces; raises ValueError as :func:`read_bounded` does."""
    left = most
    try:
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise ValueError(f"{entry.filename} is larger than {most} bytes")
                yield chunk
    # What zipfile raises of damaged, encrypted and exotic entries.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{entry.filename} cannot be unpacked: {error}") from error


def check_files(
    names: Iterable[PurePosixPath],
    size: int,
    *,
    most_files: int = MOST_FILES,
    most_bytes: int = LARGEST_RECORD,
) -> None:
    """Refuses files that are too many, or have ``size`` bytes together and may not, or one name.

    Raises:
        UsageError: they are not to be unpacked into one folder.
    """
    listed = list(names)
    if len(listed) > most_files or size > most_bytes:
        raise UsageError(f"{len(listed)} files of {size} bytes are too many for one record")
    known = {*listed}
    if len(known) < len(listed) or any(
        parent in known for name in listed for parent in name.parents
    ):
        raise UsageError("two of its files have one name")


def unpack(archive: zipfile.ZipFile, files: Files, folder: Path) -> None:
    """Writes files, whose names were checked, into a new folder.

    Raises:
        ValueError: one is damaged, or larger than its header says.
    """
    for name, entry in files:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(place, "xb") as file:
            for chunk in chunks(archive, entry, entry.file_size):
                file.write(chunk)


@contextlib.contextmanager
def aside(target: Path) -> Iterator[Path]:
    """Gives a new hidden folder in ``target``, which is removed unless it was renamed.

    Raises:
        UsageError: the system refuses what is done in it.
        OSError: the disk is full.
    """
    folder = target / f".import-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
        yield folder
    except OSError as error:
        if is_disk_full(error):
            raise
        raise UsageError(f"cannot be unpacked: {reason_of(error)}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def empty(folder: Path) -> None:
    """Removes all that lies in a folder.

    Raises:
        OSError: something cannot be removed.
    """
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
