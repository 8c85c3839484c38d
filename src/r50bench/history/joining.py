"""Records that join this history: where they lie, or out of an archive of another one."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench.errors import R50BenchError, RunFailed, UsageError, reason_of
from r50bench.history.archive import FOREIGN, Refused, check_manifest, record_files
from r50bench.results.foreign import ForeignRun, foreign_run_of
from r50bench.results.history import History, history_path
from r50bench.results.kpi import Kpi, kpis_if_valid
from r50bench.results.packing import Files, aside, check_files, read_bounded, unpack
from r50bench.results.record import Record, read_record
from r50bench.results.samples import read_measured

__all__ = ["LARGEST_ARCHIVE", "Joined", "add_folders", "import_archive", "imported_path"]

LARGEST_ARCHIVE = 16 * 2**30
"""How many bytes an archive may unpack to where nobody says otherwise."""

_LARGEST_FOREIGN = 256 * 2**20


@dataclass(frozen=True)
class Joined:
    """What came of it: records that are new here, were found again elsewhere than before, or were
    known; new runs of others; and what could not be taken."""

    added: int = 0
    moved: int = 0
    known: int = 0
    foreign: int = 0
    refused: tuple[Refused, ...] = ()


def imported_path() -> Path:
    """Returns the folder into which archives are unpacked: ``imported`` beside the history."""
    return history_path().parent / "imported"


def add_folders(history: History, folders: Iterable[Path]) -> Joined:
    """Adds the records in ``folders`` where they lie; one that cannot be read stops no other.

    A record that is known is left as it is, unless its folder is gone from where it was.
    """
    added = moved = known = 0
    refused = []
    for folder in folders:
        try:
            record, figures = _read(folder)
        except R50BenchError as error:
            refused.append(Refused(str(folder), error.message))
            continue
        history.forget_damaged(folder)
        before = history.folder_of(record.id)
        if before is not None and _holds(before, record.id) and history.describes(record):
            known += 1
            continue
        history.add(record, folder, figures)
        added, moved = (added + 1, moved) if before is None else (added, moved + 1)
    return Joined(added, moved, known, refused=tuple(refused))


def import_archive(
    history: History, path: Path, target: Path, most: int = LARGEST_ARCHIVE
) -> Joined:
    """Unpacks the records of an archive into folders of ``target``, and adds them.

    The record's id decides which of them are known. Nothing is written outside ``target``; each
    record is unpacked aside, read, and only then given its name. One that is damaged, too large or
    of a newer schema is left out and named.

    Raises:
        UsageError: there is no such archive, or it unpacks to more than ``most`` bytes.
        RunFailed: ``target`` cannot be made.
        OSError: the disk is full.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFailed(
            f"cannot make {target}: {reason_of(error)}",
            hint="name another folder with R50BENCH_DATA",
        ) from error
    try:
        with zipfile.ZipFile(path) as archive:
            check_manifest(archive, path)
            _check_size(archive, path, most)
            return _join(history, archive, target)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UsageError(
            f"cannot read {path}: {reason_of(error)}", hint="name an archive"
        ) from error
    except zipfile.BadZipFile as error:
        raise UsageError(
            f"{path} is no archive of a history, or is cut short: {error}",
            hint="copy it again; 'r50bench history export' writes archives",
        ) from error


def _check_size(archive: zipfile.ZipFile, path: Path, most: int) -> None:
    size = sum(entry.file_size for entry in archive.infolist())
    if size > most:
        raise UsageError(
            f"{path} unpacks to {size / 2**30:.1f} GiB, more than the {most / 2**30:g} GiB allowed",
            hint="allow more with --most-gib, if you trust it",
        )


def _join(history: History, archive: zipfile.ZipFile, target: Path) -> Joined:
    records, refused = record_files(archive.infolist())
    added = known = 0
    for identity, files in records.items():
        before = history.folder_of(identity)
        if before is not None and _holds(before, identity):
            known += 1
            continue
        try:
            _unpack(archive, identity, files, target)
            record, figures = _read(target / identity)
        except (R50BenchError, ValueError) as error:
            refused.append(Refused(identity, str(error)))
            continue
        history.add(record, target / identity, figures, imported=True)
        added += 1
    runs, unread = _foreign_of(archive)
    return Joined(added, 0, known, history.add_foreign(runs), (*refused, *unread))


def _unpack(archive: zipfile.ZipFile, identity: str, files: Files, target: Path) -> None:
    """Makes the folder ``target``/``identity``, which holds the record of that id, or raises.

    A folder that an interrupted import left there is taken as it is, and one that another import
    makes meanwhile, too.
    """
    final = target / identity
    if _holds(final, identity):
        return
    try:
        _unpack_aside(archive, identity, files, target)
    except UsageError:
        if not _holds(final, identity):
            raise


def _unpack_aside(archive: zipfile.ZipFile, identity: str, files: Files, target: Path) -> None:
    final = target / identity
    if final.exists():
        raise UsageError(f"{final} is there already, and holds no such record")
    check_files((name for name, _ in files), sum(entry.file_size for _, entry in files))
    with aside(target) as folder:
        unpack(archive, files, folder)
        try:
            found = _read(folder)[0].id
        except R50BenchError as error:  # which names a folder that is gone by the time it is read
            raise UsageError(error.message.replace(f"{folder}{os.sep}", "")) from error
        if found != identity:
            raise UsageError(f"its record calls itself {found}")
        os.rename(folder, final)


def _holds(folder: Path, identity: str) -> bool:
    try:
        return read_record(folder).id == identity
    except R50BenchError:
        return False


def _read(folder: Path) -> tuple[Record, Sequence[Kpi]]:
    """Returns the record in a folder and its figures, for which its samples are read and checked.

    Raises:
        R50BenchError: either is missing, damaged, or of a newer schema.
    """
    record, samples = read_measured(folder)
    return record, kpis_if_valid(record, samples)


def _foreign_of(archive: zipfile.ZipFile) -> tuple[list[ForeignRun], list[Refused]]:
    try:
        lines = read_bounded(archive, FOREIGN, _LARGEST_FOREIGN).decode().splitlines()
    except KeyError:
        return [], []
    except ValueError as error:
        return [], [Refused(FOREIGN, str(error))]
    runs, refused = [], []
    for number, line in enumerate(lines, start=1):
        try:
            runs.append(foreign_run_of(line))
        except ValueError as error:
            refused.append(Refused(f"line {number} of {FOREIGN}", str(error)))
    return runs, refused
