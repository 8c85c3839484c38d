"""Rows of the history that nobody wrote so: SQLite keeps what it is given, of whatever type.

One such row hides no other: it is left out wherever rows are read, and named where they are shown.
"""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from r50bench.notices import Notice
from r50bench.results.foreign import ForeignRun, foreign_run_of
from r50bench.wording import visible

__all__ = ["DamagedRow", "damaged_rows", "foreign_runs", "wrong_column"]

_MOST_BYTES = 4 << 20
"""Of what a record is searched by, or of a run of others: a thousand times what they have."""


@dataclass(frozen=True)
class DamagedRow:
    """A row of ``table``, its number there, its id, the column at fault, and a record's folder."""

    table: str
    number: int
    id: str
    column: str
    folder: str = ""

    def notice(self) -> Notice:
        """Returns what is said of it."""
        where = "DIR" if self.column == "folder" else shlex.quote(visible(self.folder))
        mend = f"r50bench history add {where}, which reads the record again"
        if self.table != "records":
            mend = "r50bench history import PATH, with the logs that it came from"
        name = f" ({visible(self.id)[:80]})" if self.id else ""
        text = f"a row of the history{name} is left out: its column {self.column} is damaged"
        return Notice("damaged-row", text, mend)


def _bytes(column: str) -> str:
    """Returns SQL for the size of a value; length() of a text ends at its first zero."""
    return f"length(CAST({column} AS BLOB))"


def _no_text(column: str, most: int) -> str:
    return f"(typeof({column}) <> 'text' OR {_bytes(column)} NOT BETWEEN 1 AND {most})"


def _no_figure(column: str) -> str:
    return f"(typeof({column}) NOT IN ('null', 'real', 'integer') OR abs({column}) > 1e300)"


_FOLDER_FITS = (
    f"(typeof(folder) IN ('text', 'blob') AND {_bytes('folder')} BETWEEN 1 AND 4096"
    " AND instr(CAST(folder AS BLOB), x'00') = 0)"
)
_WRONG = f"""
    WHEN NOT {_FOLDER_FITS} THEN 'folder'
    WHEN {_no_text("id", 201)} OR id GLOB '*[^A-Za-z0-9_.+-]*' THEN 'id'
    WHEN {_no_text("created", 40)} OR created NOT GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-*'
        THEN 'created'
    WHEN unit IS NOT NULL AND (typeof(unit) <> 'text' OR {_bytes("unit")} > 40) THEN 'unit'
    WHEN {_no_figure("value")} THEN 'value'
    WHEN {_no_figure("low")} THEN 'low'
    WHEN {_no_figure("high")} THEN 'high'
    WHEN typeof(imported) <> 'integer' THEN 'imported'
    WHEN facts IS NOT NULL AND {_no_text("facts", _MOST_BYTES)} THEN 'facts'
"""
_WRONG_JSON = """
    WHEN facts IS NULL THEN NULL
    WHEN NOT json_valid(facts) THEN 'facts'
    WHEN json_type(facts, '$.name') IS NOT 'text' OR json_type(facts, '$.status') IS NOT 'text'
        OR json_type(facts, '$.case') IS NOT 'object' OR json_type(facts, '$.host') IS NOT 'object'
        THEN 'facts'
"""


def wrong_column(*, also_json: bool) -> str:
    """Returns SQL for the column of a record's row that is wrong, NULL where none is.

    To look also into the JSON of its facts takes as long as a search for any of them.
    """
    return f"CASE {_WRONG} {_WRONG_JSON if also_json else ''} END"


def damaged_rows(connection: sqlite3.Connection) -> Iterator[DamagedRow]:
    """Yields the rows that are left out, of records and of runs of others."""
    query = f"""
        SELECT rowid, {_shown("id")}, {_shown("folder")}, {wrong_column(also_json=True)} AS wrong
        FROM records WHERE wrong IS NOT NULL ORDER BY rowid
    """
    for number, identity, folder, column in connection.execute(query):
        yield DamagedRow("records", number, _text(identity), column, _text(folder))
    yield from (row for row in _foreign_rows(connection) if isinstance(row, DamagedRow))


def foreign_runs(connection: sqlite3.Connection) -> list[ForeignRun]:
    """Returns the runs of other workloads whose rows are whole, newest first."""
    return [row for row in _foreign_rows(connection) if isinstance(row, ForeignRun)]


def _foreign_rows(connection: sqlite3.Connection) -> Iterator[ForeignRun | DamagedRow]:
    """Yields the runs of other workloads, newest first, or the row in place of one."""
    bounded = f"CASE WHEN {_no_text('run', _MOST_BYTES)} THEN NULL ELSE run END"
    query = f"""
        SELECT rowid, {_shown("id")}, {bounded} FROM foreign_runs ORDER BY created DESC, id DESC
    """
    for number, identity, text in connection.execute(query):
        try:
            run = foreign_run_of(text or "")
        except (ValueError, RecursionError):
            yield DamagedRow("foreign_runs", number, _text(identity), "run")
            continue
        yield run


def _shown(column: str) -> str:
    return f"substr(CAST({column} AS BLOB), 1, 4096)"


def _text(data: bytes | None) -> str:
    return (data or b"").decode(errors="surrogateescape")
