"""The history: an index of all records in SQLite, for finding them again.

The records' folders stay the truth; the history only points to them, and adding them again
rebuilds it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from r50bench.errors import RunFailed
from r50bench.results.record import Record

if TYPE_CHECKING:  # numpy and scipy come with it, and the history needs neither
    from r50bench.results.kpi import Kpi

__all__ = ["History", "HistoryEntry", "history_path"]

_VERSION = 1
_PATIENCE_S = 30.0

_SCHEMA = (
    """
    CREATE TABLE records (
        id TEXT PRIMARY KEY,
        created TEXT NOT NULL,
        case_name TEXT NOT NULL,
        status TEXT NOT NULL,
        reason TEXT,
        folder TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE kpis (
        record TEXT NOT NULL REFERENCES records (id),
        name TEXT NOT NULL,
        unit TEXT NOT NULL,
        value REAL NOT NULL,
        low REAL,
        high REAL,
        is_primary INTEGER NOT NULL,
        PRIMARY KEY (record, name)
    )
    """,
    "CREATE INDEX records_by_time ON records (created, id)",
)


def history_path() -> Path:
    """Returns where the history lies.

    ``history.sqlite`` in ``$R50BENCH_DATA``, else in ``$XDG_DATA_HOME/r50bench``, else in
    ``~/.local/share/r50bench``. Empty variables count as unset.
    """
    own = os.environ.get("R50BENCH_DATA")
    if own:
        return Path(own) / "history.sqlite"
    shared = os.environ.get("XDG_DATA_HOME")
    base = Path(shared) if shared else Path.home() / ".local" / "share"
    return base / "r50bench" / "history.sqlite"


@dataclass(frozen=True)
class HistoryEntry:
    """One record as the history knows it; ``primary`` is the primary KPI's name, unit and value."""

    id: str
    created: str
    case_name: str
    status: str
    reason: str | None
    folder: Path
    primary: tuple[str, str, float] | None


class History:
    """The history in the file ``path``, made with its folder where it does not exist yet.

    Safe with several processes at once; a writer waits for the others for up to 30 s. Use it as a
    context manager, or close it.

    Raises:
        RunFailed: here and in every method: the file is no history, is damaged, comes from a newer
            r50bench, stays locked, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._failures_named():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)
        try:
            with self._failures_named():
                self._switch_to_wal()
                self._create_or_check()
        except BaseException:
            self._connection.close()
            raise

    def add(self, record: Record, folder: Path, kpis: Iterable[Kpi] = ()) -> None:
        """Adds a record, or replaces what is known of the one with the same id."""
        row = (
            record.id,
            record.created,
            record.name,
            record.status,
            record.reason,
            str(folder.absolute()),
        )
        figures = [
            (record.id, kpi.name, kpi.unit, kpi.value, kpi.low, kpi.high, kpi.primary)
            for kpi in kpis
        ]
        with self._failures_named(), self._transaction():
            self._connection.execute("DELETE FROM kpis WHERE record = ?", (record.id,))
            self._connection.execute("REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)", row)
            self._connection.executemany("INSERT INTO kpis VALUES (?, ?, ?, ?, ?, ?, ?)", figures)

    def newest(
        self, limit: int, *, case_name: str | None = None, status: str | None = None
    ) -> list[HistoryEntry]:
        """Returns up to ``limit`` records, newest first; of one case or status where given."""
        query = """
            SELECT id, created, case_name, status, reason, folder, name, unit, value
            FROM records LEFT JOIN kpis ON kpis.record = records.id AND is_primary
            WHERE (:case_name IS NULL OR case_name = :case_name)
              AND (:status IS NULL OR status = :status)
            ORDER BY created DESC, id DESC LIMIT :limit
        """
        chosen = {"case_name": case_name, "status": status, "limit": limit}
        with self._failures_named():
            rows = self._connection.execute(query, chosen).fetchall()
        return [_entry(row) for row in rows]

    def folder_of(self, record_id: str) -> Path | None:
        """Returns where the record with this id lies, None where the history does not know it."""
        query = "SELECT folder FROM records WHERE id = ?"
        with self._failures_named():
            row = self._connection.execute(query, (record_id,)).fetchone()
        return None if row is None else Path(row[0])

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
        deadline = time.monotonic() + _PATIENCE_S
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
            if version == 0:
                for statement in _SCHEMA:
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
        except sqlite3.IntegrityError:  # two figures of one name: a bug of ours, not of the file
            raise
        except sqlite3.DatabaseError as error:
            raise RunFailed(
                f"the history {self.path} is damaged: {error}",
                hint="move the file away: a new one is begun, and the records stay where they are",
            ) from error
        except OSError as error:
            raise RunFailed(
                f"cannot make the folder of the history {self.path}: {error.strerror}",
                hint="name another folder with R50BENCH_DATA",
            ) from error


def _entry(row: tuple[str, str, str, str, str | None, str, str | None, str, float]) -> HistoryEntry:
    identity, created, case_name, status, reason, folder, name, unit, value = row
    primary = None if name is None else (name, unit, value)
    return HistoryEntry(identity, created, case_name, status, reason, Path(folder), primary)
