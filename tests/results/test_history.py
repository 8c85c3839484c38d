from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.errors import RunFailed, UsageError
from r50bench.results.foreign import ForeignRun
from r50bench.results.history import History, history_path, is_locked
from r50bench.results.kpi import kpis
from r50bench.results.record import Record, read_record, write_record
from support.records import record_of, samples_of_latencies


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.sqlite"


def test_the_newest_records_come_first_with_their_primary_figure(path: Path) -> None:
    samples = samples_of_latencies([[10] * 20] * 2)
    old = replace(record_of(id="old"), created="2026-01-01T00:00:00+00:00")
    new = replace(record_of(id="new"), created="2026-01-02T00:00:00+00:00")
    with History(path) as history:
        history.add(new, Path("runs/new"), kpis(new, samples))
        history.add(old, Path("runs/old"), kpis(old, samples))
        first, second = history.entries()
    assert (first.id, second.id) == ("new", "old")
    assert first.folder == Path("runs/new").absolute()
    assert first.primary is not None
    unit, value = first.primary
    assert unit == "img/s"
    assert value == pytest.approx(1600)


def test_what_was_added_is_there_for_the_next_process(path: Path) -> None:
    with History(path) as history:
        history.add(record_of(id="a"), path.parent)
    with History(path) as history:
        assert [entry.id for entry in history.entries()] == ["a"]


def test_adding_a_record_again_replaces_what_was_known(path: Path) -> None:
    record = record_of(id="a")
    figures = kpis(record, samples_of_latencies([[10] * 20] * 2))
    with History(path) as history:
        history.add(record, Path("/before"), figures)
        history.add(record, Path("/after"), figures)
        (entry,) = history.entries()
    assert entry.folder == Path("/after")
    assert entry.primary is not None


def test_records_are_found_by_what_they_are(path: Path) -> None:
    with History(path) as history:
        history.add(record_of(id="a"), path.parent)
        history.add(record_of(id="b", reason="it died"), path.parent)
        history.add(record_of("latency", id="c"), path.parent)
        (invalid,) = history.entries("json_extract(facts, '$.status') = ?", ("invalid",))
        latencies = history.entries("json_extract(facts, '$.case.mode') = 'latency'")
    assert (invalid.id, invalid.primary) == ("b", None)
    assert [entry.id for entry in latencies] == ["c"]


@pytest.fixture
def former(path: Path) -> Path:
    """A history that r50bench wrote before its second version, of /runs/a, /runs/b and /runs/c."""
    path.parent.mkdir()
    data = Path(__file__).parents[1] / "data" / "history_1.sqlite"
    path.write_bytes(data.read_bytes())
    return path


def test_a_history_of_the_former_version_is_brought_up(former: Path) -> None:
    with History(former) as history:
        entries = {entry.id: entry for entry in history.entries()}
        assert history.folder_of("b") == Path("/runs/b")
    assert list(entries) == ["c", "b", "a"]
    assert entries["a"].folder == Path("/runs/a")
    assert entries["a"].primary == ("img/s", pytest.approx(1600))
    assert entries["b"].primary is None
    with History(former) as history:
        assert len(history.entries()) == 3
        history.add(record_of(id="d"), Path("/runs/d"))
        assert len(history.entries()) == 4


def test_facts_of_a_former_history_are_read_from_the_records_once(
    former: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(record_of(id="a"), tmp_path)
    History(former).close()
    connection = sqlite3.connect(former)
    with connection:
        connection.execute("UPDATE records SET folder = ? WHERE id = 'a'", (str(tmp_path),))
    connection.close()
    latency = "json_extract(facts, '$.case.mode') = 'latency'"
    with History(former) as history:
        # What cannot be read may be anything; it is for the search to say that it is gone.
        assert [entry.id for entry in history.entries(latency)] == ["c", "b"]
        monkeypatch.setattr("r50bench.results.history.read_record", unreadable)
        assert [entry.id for entry in history.entries(latency)] == ["c", "b"]


def test_a_history_of_the_second_version_keeps_its_figures(path: Path) -> None:
    path.parent.mkdir()
    data = Path(__file__).parents[1] / "data" / "history_2.sqlite"
    path.write_bytes(data.read_bytes())
    with History(path) as history:
        b, a = history.entries(with_facts=True)
        assert (a.id, a.primary, a.interval) == ("a", ("img/s", pytest.approx(1600)), None)
        assert (b.id, b.primary, b.imported) == ("b", None, False)
        assert "it died" in (b.facts or "")
        history.add(record_of(id="c"), Path("/runs/c"))
        assert history.foreign_runs() == []


def test_intervals_and_origin_are_kept_and_facts_come_only_where_asked(path: Path) -> None:
    figures = kpis(record_of(), samples_of_latencies([[10, 11] * 20] * 2, rounds=3))
    with History(path) as history:
        history.add(record_of(id="a"), Path("/runs/a"), figures, imported=True)
        (entry,) = history.entries()
        assert (entry.imported, entry.facts) == (True, None)
        assert entry.interval == (figures[0].low, figures[0].high)
        (asked,) = history.entries(with_facts=True)
        assert '"id":"a"' in (asked.facts or "")


def test_runs_of_others_are_kept_once_and_apart(path: Path) -> None:
    runs = [
        ForeignRun(name, created, "wsf", "x", "latency", True, (), "/logs")
        for name, created in (("a", "2024-01-01T00:00:00"), ("b", "2024-01-02T00:00:00"))
    ]
    with History(path) as history:
        assert history.add_foreign(runs[:1]) == 1
        assert history.add_foreign(runs) == 1
        assert history.foreign_runs() == [runs[1], runs[0]]
        assert history.entries() == []


def unreadable(folder: Path) -> Record:
    assert folder.parts[1] == "runs", f"{folder} is read again"
    raise UsageError("no such record")


def test_a_failed_addition_leaves_what_was_known(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = record_of(id="a")
    with History(path) as history:
        history.add(record, Path("/before"))
        monkeypatch.setattr("r50bench.results.history._SHAPE", None)
        with pytest.raises(RunFailed):
            history.add(record, Path("/after"))
        monkeypatch.undo()
        assert history.folder_of("a") == Path("/before")


_WRITER = """
import sys
from pathlib import Path
from support.records import record_of
from r50bench.results.history import History
for number in range(25):
    with History(Path(sys.argv[1])) as history:
        history.add(record_of(id=f"{sys.argv[2]}-{number}"), Path("/runs"))
"""


def test_four_writers_at_once_lose_nothing(path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), str(number)],
            env={"PYTHONPATH": ":".join(sys.path)},
            stderr=subprocess.PIPE,
        )
        for number in range(4)
    ]
    for writer in writers:
        _, complaint = writer.communicate(timeout=60)
        assert writer.returncode == 0, complaint.decode()
    with History(path) as history:
        assert len(history.entries()) == 100


def test_a_new_history_waits_for_the_process_that_holds_it(path: Path) -> None:
    # SQLite itself gives up at once when it is to switch to WAL while another one writes.
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE mine (a)")
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO mine VALUES (1)")
    release = threading.Timer(0.2, other.close)
    release.start()
    try:
        with History(path) as history:
            assert history.entries() == []
    finally:
        release.join()


@pytest.mark.parametrize("garbage", [b"no database at all" * 100, b"\0" * 4096])
def test_a_damaged_file_is_said_and_left_alone(path: Path, garbage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(garbage)
    with pytest.raises(RunFailed, match="is damaged") as caught:
        History(path)
    assert "move the file away" in (caught.value.hint or "")
    assert path.read_bytes() == garbage


def test_a_history_of_a_newer_r50bench_is_refused(path: Path) -> None:
    History(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(RunFailed, match="newer r50bench"):
        History(path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunFailed, match="folder of the history"):
        History(tmp_path / "file" / "data" / "history.sqlite")


def test_a_locked_history_is_waited_for_as_long_as_one_is_patient(path: Path) -> None:
    History(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    with (
        History(path, patience_s=0.1) as history,
        pytest.raises(RunFailed, match="cannot use the history") as caught,
    ):
        history.add(record_of(id="a"), path.parent)
    assert time.monotonic() - began < 20
    assert is_locked(caught.value)
    other.close()
    with History(path, patience_s=0.1) as history:
        history.add(record_of(id="a"), path.parent)


def test_the_history_lies_in_the_user_s_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("R50BENCH_DATA", "")
    assert history_path() == tmp_path / ".local/share/r50bench/history.sqlite"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert history_path() == Path("/data/r50bench/history.sqlite")
    monkeypatch.setenv("R50BENCH_DATA", "/elsewhere")
    assert history_path() == Path("/elsewhere/history.sqlite")


def test_the_history_needs_neither_numpy_nor_scipy() -> None:
    code = (
        "import sys, r50bench.results.history; print({'numpy', 'scipy', 'torch'} & {*sys.modules})"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
    )
    assert answer.stdout.strip() == b"set()"


def test_a_record_s_folder_is_found_by_its_id(path: Path) -> None:
    with History(path) as history:
        history.add(record_of(id="a"), Path("/runs/a"))
        assert history.folder_of("a") == Path("/runs/a")
        assert history.folder_of("b") is None


def test_a_folder_whose_name_is_no_utf8_is_found_again(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / b"b\xe4r".decode(errors="surrogateescape")
    record = record_of(id="a")
    folder.mkdir()
    write_record(record, folder)
    with History(path) as history:
        history.add(record, folder)
        assert [entry.folder for entry in history.entries("facts ->> 'status' = 'valid'")] == [
            folder
        ]
        assert history.folder_of("a") == folder


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("PRAGMA user_version = -5", "damaged: it is of version -5"),
        ("UPDATE records SET folder = 7.5", None),
    ],
)
def test_damage_within_the_file_is_told(path: Path, statement: str, message: str | None) -> None:
    with History(path) as history:
        history.add(record_of(id="a"), path.parent)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()
    if message is None:  # SQLite keeps it as text
        with History(path) as history:
            assert [entry.folder for entry in history.entries()] == [Path("7.5")]
    else:
        with pytest.raises(RunFailed, match=message):
            History(path)


def test_the_facts_of_a_record_that_lacks_parts_are_known(path: Path, tmp_path: Path) -> None:
    write_record(record_of(id="a"), tmp_path)
    whole = json.loads((tmp_path / "record.json").read_bytes())
    bare = {name: value for name, value in whole.items() if name not in ("engine", "accuracy")}
    (tmp_path / "record.json").write_text(json.dumps(bare))
    with History(path) as history:
        history.add(read_record(tmp_path), tmp_path)
        assert [entry.id for entry in history.entries("facts ->> 'status' = 'valid'")] == ["a"]
