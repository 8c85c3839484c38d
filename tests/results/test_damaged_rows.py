"""Rows of the history that hold what nobody wrote: each is named, and hides no other."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from r50bench.results.foreign import ForeignFigure, ForeignRun
from r50bench.results.history import History
from r50bench.results.kpi import Kpi
from support.records import record_of

IDS = ("a", "b", "c")
RUN = ForeignRun("x", "", "wsf", "RN50", "throughput", True, (ForeignFigure("fps", "", 7.0),), "/l")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A history of three records, each with a figure."""
    found = tmp_path / "history.sqlite"
    with History(found) as history:
        for name in IDS:
            kpi = Kpi("Average Throughput", "img/s", 10.0, 9.0, 11.0, primary=True)
            history.add(record_of(id=name), Path("/runs") / name, [kpi])
    return found


def execute(path: Path, statement: str, *values: Any) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, values)
    connection.close()


CELLS = [
    ("id", b"b"),
    ("id", "\x1b[2J"),
    ("id", "x" * 300),
    ("id", None),
    ("created", b"\xff\x00"),
    ("created", "soon"),
    ("created", "2026-01-01" + "0" * 100),
    ("folder", b"/a\x00b"),
    ("folder", ""),
    ("folder", "/" * 5000),
    ("unit", b"img/s"),
    ("unit", "u" * 1000),
    ("value", "fast"),
    ("value", b"\x00\x01"),
    ("value", float("inf")),
    ("low", "low"),
    ("high", b""),
    ("imported", "perhaps"),
    ("imported", 0.5),
    ("facts", b"{}"),
    ("facts", "{"),
    ("facts", "[" * 5000),
    ("facts", " " * (5 << 20)),
]


@pytest.mark.parametrize(
    ("column", "value"), CELLS, ids=[f"{column}-{value!r:.12}" for column, value in CELLS]
)
@pytest.mark.parametrize("condition", ["TRUE", "json_extract(facts, '$.status') = 'valid'"])
def test_one_bad_cell_hides_no_other_row_and_is_named(
    path: Path, column: str, value: object, condition: str
) -> None:
    execute(path, f"UPDATE records SET {column} = ? WHERE id = 'b'", value)
    with History(path) as history:
        found = [entry.id for entry in history.entries(condition, with_facts=True)]
        (row,) = history.damaged()
    assert found == ["c", "a"]
    assert (row.table, row.number, row.column) == ("records", 2, column)
    text = str(row.notice())
    assert f"its column {column} is damaged" in text
    assert text.isprintable()
    assert len(text) < 5000


def test_text_that_is_no_utf8_hides_no_other_row(path: Path) -> None:
    execute(path, "UPDATE records SET id = CAST(x'ff62' AS TEXT) WHERE id = 'b'")
    with History(path) as history:
        assert [entry.id for entry in history.entries()] == ["c", "a"]
        assert [row.column for row in history.damaged()] == ["id"]


def test_a_whole_history_has_no_damaged_row(path: Path) -> None:
    with History(path) as history:
        history.add(record_of(id="d", reason="it died"), Path("/runs/d"))
        assert history.damaged() == ()
        assert len(history.entries()) == 4


@pytest.mark.parametrize(
    ("column", "value"), [("value", "fast"), ("id", b"b"), ("folder", ""), ("facts", "{")]
)
def test_what_is_forgotten_can_be_added_anew(path: Path, column: str, value: object) -> None:
    execute(path, f"UPDATE records SET {column} = ? WHERE id = 'b'", value)
    with History(path) as history:
        history.forget_damaged(Path("/runs/b"))
        assert history.damaged() == ()
        assert history.folder_of("b") is None
        history.add(record_of(id="b"), Path("/runs/b"))
        assert [entry.id for entry in history.entries()] == ["c", "b", "a"]


@pytest.mark.parametrize("cell", ["{", "[" * 100_000, "{}", b"\xff", None, 7, " " * (5 << 20)])
def test_a_damaged_run_of_others_hides_no_other_and_is_replaced_by_importing(
    path: Path, cell: object
) -> None:
    other = ForeignRun("y", "", "axs", "RN50", "accuracy", True, (), "/l")
    with History(path) as history:
        assert history.add_foreign([RUN, other]) == 2
    if cell is None:
        execute(path, "UPDATE foreign_runs SET run = zeroblob(3) WHERE id = 'x'")
    else:
        execute(path, "UPDATE foreign_runs SET run = ? WHERE id = 'x'", cell)
    with History(path) as history:
        assert history.foreign_runs() == [other]
        (row,) = history.damaged()
        assert (row.table, row.id, row.column) == ("foreign_runs", "x", "run")
        assert history.add_foreign([RUN, other]) == 1
        assert history.damaged() == ()
        assert history.foreign_runs() == [other, RUN]
