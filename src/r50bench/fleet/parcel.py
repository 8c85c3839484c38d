"""The folder that a verb has left on a node, as bytes, and those bytes as a folder again."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from r50bench.errors import RunFailed, reason_of
from r50bench.results.files import is_disk_full
from r50bench.results.packing import Files, check_files, files_of, stays_inside, unpack
from r50bench.wording import counted

__all__ = ["packed", "unpack_parcel"]

_MOST_FILES = 100_000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OF_DAMAGE = (zipfile.BadZipFile, ValueError, NotImplementedError, LookupError, struct.error)
"""What zipfile raises of bytes that are no ZIP, or no longer one."""

_ENTRY = b"PK\x01\x02"  # APPNOTE.TXT, 4.3.12: an entry of the central directory
_PAGES = (".html", ".svg")
"""What is drawn of records can be drawn again, and a page from elsewhere is a program."""


def packed(folder: Path, most_bytes: int) -> bytes:
    """Returns the plain files below ``folder`` as a ZIP, empty where there are none.

    Pages and all that is hidden, such as runs that did not come to an end, stay where they are.

    Raises:
        RunFailed: they are more than ``most_bytes``.
        OSError: one cannot be read.
    """
    files = sorted(_kept(folder))
    size = sum(file.stat().st_size for file in files)
    if size > most_bytes or len(files) > _MOST_FILES:
        raise RunFailed(
            f"it left {counted(len(files), 'file')} of {size:,} bytes, and {most_bytes:,} bytes are"
            " all that may come home",
            hint="--most-mib allows more",
        )
    if not files:
        return b""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for file in files:
            archive.write(file, file.relative_to(folder).as_posix())
    return data.getvalue()


def _kept(folder: Path) -> Iterator[Path]:
    for file in files_of(folder):
        name = file.relative_to(folder)
        if file.suffix not in _PAGES and not any(part.startswith(".") for part in name.parts):
            yield file


def unpack_parcel(data: bytes, folder: Path, most_bytes: int) -> None:
    """Writes the files of a parcel into the empty ``folder``, whatever its maker meant.

    Raises:
        RunFailed: it is damaged, or more than ``most_bytes``, or names of files lead elsewhere.
        UsageError: its files are in each other's way.
    """
    if data.count(_ENTRY) > _MOST_FILES:  # of which an object is made before any can be looked at
        raise RunFailed("what came home holds too many files")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = _named(archive)
            size = sum(entry.file_size for _, entry in files)
            names = (name for name, _ in files)
            check_files(names, size, most_files=_MOST_FILES, most_bytes=most_bytes)
            unpack(archive, files, folder)
    except OSError as error:
        if is_disk_full(error):
            raise
        raise _damaged(reason_of(error)) from error
    except _OF_DAMAGE as error:
        raise _damaged(error) from error


def _damaged(why: object) -> RunFailed:
    return RunFailed(f"what came home cannot be unpacked: {why}")


def _named(archive: zipfile.ZipFile) -> Files:
    files: Files = []
    for entry in archive.infolist():
        name = entry.filename
        hidden = any(part.startswith(".") for part in name.split("/"))
        if entry.is_dir() or hidden or not stays_inside(name) or name.endswith(_PAGES):
            raise RunFailed(f"what came home holds {name!r}, which no run leaves")
        if entry.compress_type not in _METHODS:  # others may ask for gigabytes of memory
            raise RunFailed(f"what came home has {name!r} packed in a way of its own")
        files.append((PurePosixPath(name), entry))
    return files
