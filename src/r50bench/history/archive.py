"""Archives: a history as one file that another machine can read.

A ZIP (:mod:`r50bench.results.packing` says why): one damaged entry costs one record. Record folders
travel whole, because all figures are derived from them; the rows of the history are not in
it, they are made again on the other side. Runs of other workloads, which have no folder, are lines
of JSON.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from r50bench import __version__
from r50bench.errors import UsageError, reason_of
from r50bench.results.files import checked_json, is_disk_full, to_json
from r50bench.results.foreign import ForeignRun, foreign_run_text
from r50bench.results.history import HistoryEntry
from r50bench.results.packing import (
    LARGEST_RECORD,
    MOST_FILES,
    Files,
    files_of,
    read_bounded,
    stays_inside,
)
from r50bench.results.record import RECORD_FILE

__all__ = [
    "FOREIGN",
    "MANIFEST",
    "Exported",
    "Refused",
    "check_manifest",
    "export_history",
    "record_files",
]

MANIFEST = "history.json"
FOREIGN = "figures-of-others.jsonl"
FORMAT, VERSION = "r50bench history", 1

_LARGEST_MANIFEST = 2**20
_RECORD = re.compile(r"records/([A-Za-z0-9_][A-Za-z0-9_.+-]{0,200})/(.+)", re.DOTALL)


@dataclass(frozen=True)
class Refused:
    """What was left out, such as a record's id or an entry's name, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Exported:
    """How many records and runs of others an archive holds, and what it had to leave out."""

    records: int
    foreign: int
    refused: tuple[Refused, ...]

    @property
    def written(self) -> bool:
        """Whether there was anything to write, and so there is an archive."""
        return bool(self.records or self.foreign)


def export_history(
    entries: Sequence[HistoryEntry], foreign: Sequence[ForeignRun], path: Path
) -> Exported:
    """Writes an archive of the records and of the runs of others to ``path``.

    It is there whole or not at all: not, where there was nothing to write. A record that is gone,
    or too large, is left out and named.

    Raises:
        UsageError: ``path`` is there already, or cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path} exists already", hint="name a new file")
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(
            aside, "x", zipfile.ZIP_DEFLATED, compresslevel=6, strict_timestamps=False
        ) as archive:
            about = {"format": FORMAT, "version": VERSION, "r50bench": __version__}
            archive.writestr(MANIFEST, to_json(about))
            refused = [why for entry in entries if (why := _put(archive, entry)) is not None]
            lines = "".join(f"{foreign_run_text(run)}\n" for run in foreign)
            archive.writestr(FOREIGN, lines)
        done = Exported(len(entries) - len(refused), len(foreign), tuple(refused))
        if done.written:
            os.replace(aside, path)
    except OSError as error:
        if is_disk_full(error):
            raise
        raise UsageError(
            f"cannot write {path}: {reason_of(error)}",
            hint="name a file in a folder that exists and that you may write to",
        ) from error
    finally:
        aside.unlink(missing_ok=True)
    return done


def _put(archive: zipfile.ZipFile, entry: HistoryEntry) -> Refused | None:
    """Adds a record's folder; returns why it is left out, if it is."""
    try:
        files = sorted(files_of(entry.folder))
        if not any(file == entry.folder / RECORD_FILE for file in files):
            return Refused(entry.id, f"there is no record in {entry.folder} any more")
        size = sum(file.stat().st_size for file in files)
        if len(files) > MOST_FILES or size > LARGEST_RECORD:
            return Refused(entry.id, f"{len(files)} files of {size} bytes are too many")
        names = [
            f"records/{entry.id}/{file.relative_to(entry.folder).as_posix()}" for file in files
        ]
        if not all(_RECORD.fullmatch(name) and name.isprintable() for name in names):
            return Refused(entry.id, "its id, or the name of a file, fits into no archive")
    except OSError as error:
        return Refused(entry.id, f"cannot be read: {reason_of(error)}")
    for file, name in zip(files, names, strict=True):
        archive.write(file, name)
    return None


def check_manifest(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuses a ZIP that is no archive of this form.

    Raises:
        UsageError: it is none, or of a newer form.
    """
    try:
        about = checked_json(read_bounded(archive, MANIFEST, _LARGEST_MANIFEST), dict)
        found, version = about.get("format"), about.get("version")
    except (KeyError, ValueError) as error:
        raise _no_archive(path) from error
    if found != FORMAT or not isinstance(version, int):
        raise _no_archive(path)
    if version > VERSION:
        raise UsageError(
            f"{path} is an archive of form {version}, this r50bench knows up to {VERSION}",
            hint="import it with the r50bench that wrote it, or a newer one",
        )


def _no_archive(path: Path) -> UsageError:
    return UsageError(
        f"{path} is no archive of a history",
        hint="name a file that 'r50bench history export' wrote",
    )


def record_files(entries: Iterable[zipfile.ZipInfo]) -> tuple[dict[str, Files], list[Refused]]:
    """Returns the files of each record by its id, and the entries that are no part of any.

    The names in a record's folder are relative and stay in it.
    """
    records: dict[str, Files] = {}
    strange: list[Refused] = []
    for entry in entries:
        if entry.filename in (MANIFEST, FOREIGN) or entry.is_dir():
            continue
        match = _RECORD.fullmatch(entry.filename)
        if match is None or not stays_inside(match[2]):
            strange.append(Refused(repr(entry.filename), "its name is that of no record's file"))
            continue
        records.setdefault(match[1], []).append((PurePosixPath(match[2]), entry))
    return records, strange
