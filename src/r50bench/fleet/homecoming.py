"""What comes home of an errand: unpacked, read and checked before it is given its place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench.errors import R50BenchError, RunFailed, UsageError
from r50bench.fleet.parcel import unpack_parcel
from r50bench.notices import Notice, Progress
from r50bench.results.folders import record_folders
from r50bench.results.history import History, history_path
from r50bench.results.kpi import Kpi, kpis_if_valid
from r50bench.results.record import Record
from r50bench.results.samples import read_measured

__all__ = ["Home", "RunAtHome", "read_home", "remember_runs", "unpack_home"]


@dataclass(frozen=True)
class RunAtHome:
    """A record that came home, with its figures and where it lies."""

    record: Record
    figures: tuple[Kpi, ...]
    folder: Path


@dataclass(frozen=True)
class Home:
    """What came home of one errand; ``refused`` says of each record that does not count why."""

    runs: tuple[RunAtHome, ...] = ()
    refused: tuple[str, ...] = ()

    def moved(self, before: Path, after: Path) -> Home:
        """Returns the same where the folder ``before`` has become ``after``."""
        runs = (
            RunAtHome(run.record, run.figures, after / run.folder.relative_to(before))
            for run in self.runs
        )
        return Home(tuple(runs), self.refused)


def unpack_home(
    parcel: bytes,
    folder: Path,
    most_bytes: int,
    fingerprint: str | None,
    known: Collection[str] = (),
) -> Home:
    """Unpacks a parcel into the empty ``folder``, and returns the records in it that can be right.

    The others are removed: those that are damaged or of a newer schema, those of another host than
    the one with the ``fingerprint`` that the node has told, and those whose ids are ``known``.

    Raises:
        RunFailed, UsageError: the parcel cannot be unpacked.
    """
    unpack_parcel(parcel, folder, most_bytes)
    good: list[RunAtHome] = []
    refused: list[str] = []
    for place in _record_folders(folder):
        try:
            run = _read(place)
            _refuse(run.record, place, fingerprint, {*known, *(one.record.id for one in good)})
        except R50BenchError as error:
            refused.append(f"{place.name}: {error.message.replace(f'{place}{os.sep}', '')}")
            shutil.rmtree(place)
            continue
        good.append(run)
    return Home(tuple(good), tuple(refused))


def read_home(folder: Path) -> Home:
    """Returns the records that came home into ``folder`` before; what is damaged since is named."""
    good: list[RunAtHome] = []
    refused: list[str] = []
    for place in _record_folders(folder):
        try:
            good.append(_read(place))
        except R50BenchError as error:
            refused.append(error.message)
    return Home(tuple(good), tuple(refused))


def _record_folders(folder: Path) -> list[Path]:
    try:
        return record_folders(folder)
    except UsageError:  # it holds none
        return []


def _read(folder: Path) -> RunAtHome:
    record, samples = read_measured(folder)
    return RunAtHome(record, kpis_if_valid(record, samples), folder)


def _refuse(record: Record, folder: Path, fingerprint: str | None, known: Collection[str]) -> None:
    """Refuses a record that the node cannot have made, or that is there already.

    Raises:
        RunFailed: it is one.
    """
    if record.id != folder.name:
        raise RunFailed(f"its record calls itself {record.id!r}")
    if record.id in known:
        raise RunFailed("a record with this id is there already")
    of_record = record.host.get("fingerprint")
    if of_record != fingerprint:
        raise RunFailed(f"it was measured on host {of_record}, and the node is {fingerprint}")


def remember_runs(runs: Sequence[RunAtHome], progress: Progress) -> None:
    """Adds runs to the history here; one that cannot be written costs no result."""
    if not runs:
        return
    try:
        with History(history_path()) as history:
            for run in runs:
                if history.folder_of(run.record.id) != run.folder.absolute():
                    history.add(run.record, run.folder, run.figures, imported=True)
    except RunFailed as error:
        text = f"what came home is not in the history: {error.message}"
        progress.warn(Notice("not-in-history", text, error.hint or ""))
