"""The history: an index of all records in SQLite, for finding them again.

The records' folders stay the truth; the history points to them and keeps, as JSON, the facts by
which they are searched, so that a search opens only what it shows. Facts of an older shape are read
again from their records.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from r50bench.errors import R50BenchError, RunFailed, reason_of
from r50bench.host.surroundings import data_folder
from r50bench.results.files import to_json
from r50bench.results.record import SCHEMA_VERSION, Record, read_record

# What a run, which adds its own record alone, has no use for is imported where it is used.
if TYPE_CHECKING:  # numpy and scipy come with KPIs, and the history needs neither
    from r50bench.results.damaged_rows import DamagedRow
    from r50bench.results.foreign import ForeignRun
    from r50bench.results.kpi import Kpi

__all__ = ["History", "HistoryEntry", "history_path", "is_locked"]

_VERSION = 3
_PATIENCE_S = 30.0

_CREATE = (
    """
    CREATE TABLE records (
        id TEXT PRIMARY KEY,
        created TEXT NOT NULL,
        folder TEXT NOT NULL,
        unit TEXT,
        value REAL,
        shape INTEGER NOT NULL,
        facts TEXT
    )
    """,
    "CREATE INDEX records_by_time ON records (created, id)",
)
_UPDATE_TO_2 = (
    "ALTER TABLE records RENAME TO former",
    "DROP INDEX records_by_time",
    *_CREATE,
    """
    INSERT INTO records
    SELECT id, created, folder, unit, value, 0, NULL
    FROM former LEFT JOIN kpis ON kpis.record = former.id AND is_primary
    """,
    "DROP TABLE kpis",
    "DROP TABLE former",
)
_UPDATE_TO_3 = (
    "ALTER TABLE records ADD COLUMN low REAL",
    "ALTER TABLE records ADD COLUMN high REAL",
    "ALTER TABLE records ADD COLUMN imported INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE foreign_runs (
        id TEXT PRIMARY KEY,
        created TEXT NOT NULL,
        run TEXT NOT NULL
    )
    """,
)
_STEPS = {
    0: (*_CREATE, *_UPDATE_TO_3),
    1: (*_UPDATE_TO_2, *_UPDATE_TO_3),
    2: _UPDATE_TO_3,
}
"""What leads to the present version from each former one; 0 is a new file."""

# Raise it with a change of what _facts_of returns.
_SHAPE = 100 * SCHEMA_VERSION + 2

_SEARCHED = (
    "id",
    "created",
    "status",
    "reason",
    "r50bench_version",
    "case",
    "model",
    "data",
    "engine",
    "accuracy",
    "loadgen",
    "invocation",
)
_SEARCHED_OF_HOST = ("model_name", "fingerprint")


def history_path() -> Path:
    """Returns where the history lies.

    ``history.sqlite`` in :func:`r50bench.host.surroundings.data_folder`.
    """
    return data_folder().path / "history.sqlite"


@dataclass(frozen=True)
class HistoryEntry:
    """One record as the history knows it.

    ``primary`` is the primary KPI's unit and value, ``interval`` the ends of its 95 % interval,
    None where it has none, or was added before intervals were kept. ``imported``: it came in an
    archive. ``facts`` is what it is searched by, as JSON, where that was asked for and is known.
    """

    id: str
    created: str
    folder: Path
    primary: tuple[str, float] | None
    interval: tuple[float, float] | None = None
    imported: bool = False
    facts: str | None = None


def is_locked(error: RunFailed) -> bool:
    """Whether a history could not be used since another process held it all the time."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.OperationalError) and "locked" in str(cause)


class History:
    """The history in the file ``path``, made with its folder where it does not exist yet.

    Safe with several processes at once; who finds it locked waits for the others for up to
    ``patience_s``. Use it as a context manager, or close it.

    Raises:
        RunFailed: here and in every method: the file is no history, is damaged, comes from a newer
            r50bench, stays locked, or cannot be written.
    """

    def __init__(self, path: Path, patience_s: float = _PATIENCE_S) -> None:
        self.path = path
        self._patience_s = patience_s
        with self._failures_named():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=patience_s, isolation_level=None)
            # What claims to be text may be any bytes, too.
            self._connection.text_factory = lambda data: data.decode(errors="surrogateescape")
        try:
            with self._failures_named():
                self._switch_to_wal()
                self._create_or_check()
        except BaseException:
            self._connection.close()
            raise

    def add(
        self, record: Record, folder: Path, kpis: Iterable[Kpi] = (), *, imported: bool = False
    ) -> None:
        """Adds a record, or replaces what is known of the one with the same id."""
        primary = next((kpi for kpi in kpis if kpi.primary), None)
        row = (
            record.id,
            record.created,
            _stored(folder.absolute()),
            primary.unit if primary else None,
            primary.value if primary else None,
            _SHAPE,
            _facts_of(record),
            primary.low if primary else None,
            primary.high if primary else None,
            imported,
        )
        with self._failures_named(), self._transaction():
            statement = f"REPLACE INTO records VALUES ({', '.join('?' * len(row))})"
            self._connection.execute(statement, row)

    def entries(
        self,
        condition: str = "TRUE",
        values: Sequence[Any] = (),
        *,
        unread: bool = True,
        with_facts: bool = False,
    ) -> list[HistoryEntry]:
        """Returns the records that meet a condition, newest first; without one, all.

        ``condition`` is SQL over ``facts`` (JSON, of the record's own shape: its case, model, data,
        engine, accuracy and loadgen, of its host model_name and fingerprint, and ``name``) and
        ``value``, the primary figure; ``values`` are bound to its question marks. A record whose
        facts are not known, because they could not be read, meets every condition, or none where
        ``unread`` is False.
        """
        from r50bench.results.damaged_rows import wrong_column

        known = "IS NULL OR" if unread else "IS NOT NULL AND"

        def rows(*, also_json: bool) -> list[HistoryEntry]:
            wrong = wrong_column(also_json=also_json)
            query = f"""
                SELECT id, created, folder, unit, value, low, high, imported,
                    {"facts" if with_facts else "NULL"}
                FROM records
                WHERE CASE WHEN {wrong} IS NOT NULL THEN 0 ELSE facts {known} ({condition}) END
                ORDER BY created DESC, id DESC
            """
            return [_entry(row) for row in self._connection.execute(query, tuple(values))]

        with self._failures_named():
            self._read_older_shapes()
            try:
                return rows(also_json=with_facts)
            except sqlite3.OperationalError as error:
                if "JSON" not in str(error):
                    raise
                return rows(also_json=True)

    def damaged(self) -> tuple[DamagedRow, ...]:
        """Returns the rows that are left out wherever records, or runs of others, are read."""
        from r50bench.results.damaged_rows import damaged_rows

        with self._failures_named():
            return tuple(damaged_rows(self._connection))

    def forget_damaged(self, folder: Path) -> None:
        """Forgets the damaged rows of the records in ``folder``, so that they can be added anew.

        Those whose own folder is damaged lead nowhere, and are forgotten, too.
        """
        where = str(folder.absolute())
        lost = [row for row in self.damaged() if row.folder == where or row.column == "folder"]
        if lost:
            self._forget(lost)

    def _forget(self, rows: Iterable[DamagedRow]) -> None:
        with self._failures_named(), self._transaction():
            for row in rows:
                statement = f"DELETE FROM {row.table} WHERE rowid = ?"
                self._connection.execute(statement, (row.number,))

    def _read_older_shapes(self) -> None:
        query = "SELECT id, folder FROM records WHERE shape <> ?"
        older = self._connection.execute(query, (_SHAPE,)).fetchall()
        found = []
        for identity, folder in older:
            # What is gone may come back, on a disk that is mounted again. To look is five times as
            # quick as to fail to read, and is done at every search.
            if not os.path.exists(folder):
                continue
            with contextlib.suppress(R50BenchError):
                found.append((_facts_of(read_record(_path(folder))), _SHAPE, identity))
        if found:
            with self._transaction():
                update = "UPDATE records SET facts = ?, shape = ? WHERE id = ?"
                self._connection.executemany(update, found)

    def folder_of(self, record_id: str) -> Path | None:
        """Returns where the record with this id lies, None where the history does not know it."""
        if not _is_text(record_id):
            return None
        query = "SELECT folder FROM records WHERE id = ?"
        with self._failures_named():
            row = self._connection.execute(query, (record_id,)).fetchone()
            folder = None if row is None else _path(row[0])
            return None if folder is None or "\0" in str(folder) else folder

    def describes(self, record: Record) -> bool:
        """Whether what is kept of a record, which is known, is what it says."""
        query = "SELECT COUNT(*) FROM records WHERE id = ? AND (shape <> ? OR facts = ?)"
        with self._failures_named():
            row = self._connection.execute(query, (record.id, _SHAPE, _facts_of(record)))
            return bool(row.fetchone()[0])

    def add_foreign(self, runs: Iterable[ForeignRun]) -> int:
        """Adds runs of other workloads, and returns how many of them were not known yet."""
        rows = {run.id: (run.id, run.created, to_json(run).decode()) for run in runs}
        self._forget(row for row in self.damaged() if row.table != "records" and row.id in rows)
        with self._failures_named(), self._transaction():
            before = self._connection.total_changes
            statement = "INSERT OR IGNORE INTO foreign_runs VALUES (?, ?, ?)"
            self._connection.executemany(statement, rows.values())
            return self._connection.total_changes - before

    def foreign_runs(self) -> list[ForeignRun]:
        """Returns the runs of other workloads, newest first."""
        from r50bench.results.damaged_rows import foreign_runs

        with self._failures_named():
            return foreign_runs(self._connection)

    def close(self) -> None:
        """Closes the file; what was added is kept."""
        self._connection.close()

    def __enter__(self) -> History:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _switch_to_wal(self) -> None:
        # SQLite does not apply its busy timeout to a change of the journal mode while another
        # process writes, as several do at once when the file is new.
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _create_or_check(self) -> None:
        if self._version() == _VERSION:
            return
        with self._transaction():
            # Asked again inside: another process may have been quicker.
            version = self._version()
            if version > _VERSION:
                raise RunFailed(
                    f"the history {self.path} was written by a newer r50bench (version {version})",
                    hint="use that r50bench, or name another folder with R50BENCH_DATA",
                )
            if version == _VERSION:
                return
            if version not in _STEPS:
                raise sqlite3.DatabaseError(f"it is of version {version}")
            for statement in _STEPS[version]:
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # SQLite has rolled back by itself after some errors, such as a full disk.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise RunFailed(
                f"cannot use the history {self.path}: {error}",
                hint="free space or permissions there, or name another folder with R50BENCH_DATA",
            ) from error
        except (
            sqlite3.DatabaseError,
            UnicodeDecodeError,
        ) as error:  # sqlite's words may be damaged
            raise RunFailed(
                f"the history {self.path} is damaged: {error}",
                hint="move the file away: a new one is begun, and the records stay where they are",
            ) from error
        except OSError as error:
            raise RunFailed(
                f"cannot make the folder of the history {self.path}: {reason_of(error)}",
                hint="name another folder with R50BENCH_DATA",
            ) from error


def _is_text(word: str) -> bool:
    """Whether it can be any record's id: bytes that are no UTF-8 cannot."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _facts_of(record: Record) -> str:
    """Returns what a record is searched by, as JSON."""
    whole = msgspec.to_builtins(record)
    facts = {name: whole.get(name) for name in _SEARCHED}
    facts["name"] = record.name
    facts["host"] = {name: record.host.get(name) for name in _SEARCHED_OF_HOST}
    return to_json(facts).decode()


def _stored(folder: Path) -> str | bytes:
    """SQLite's text is UTF-8; a path that is not is kept as its bytes."""
    data = os.fsencode(folder)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _path(stored: Any) -> Path:
    if not isinstance(stored, str | bytes):
        raise sqlite3.DatabaseError(f"a folder is {stored!r}")
    return Path(os.fsdecode(stored))


def _entry(row: tuple[Any, ...]) -> HistoryEntry:
    identity, created, folder, unit, value, low, high, imported, facts = row
    return HistoryEntry(
        identity,
        created,
        _path(folder),
        None if unit is None or value is None else (unit, value),
        None if low is None or high is None else (low, high),
        bool(imported),
        facts,
    )
