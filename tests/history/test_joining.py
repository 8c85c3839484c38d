"""Archives and their import: nothing is lost, doubled, or written where it should not be."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from r50bench.errors import UsageError
from r50bench.history import archive as archives
from r50bench.history import joining
from r50bench.history.archive import FOREIGN, MANIFEST, export_history
from r50bench.history.joining import Joined, add_folders, import_archive, imported_path
from r50bench.history.series import run_of, series_of
from r50bench.results.foreign import ForeignFigure, ForeignRun
from r50bench.results.history import History
from r50bench.results.record import read_record
from support.former_records import FORMER, former_folders
from support.kept_records import keep_record, write_run
from support.stored_runs import HOST

OTHERS = ForeignRun(
    "wsf-1", "2024-05-01T10:00:00", "wsf", "old", "latency", True,
    (ForeignFigure("Latency", "ms", 3.2),), "/logs",
)  # fmt: skip


@pytest.fixture
def here(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "here" / "history.sqlite") as history:
        yield history


@pytest.fixture
def there(tmp_path: Path) -> Iterator[History]:
    """The history of another machine, of three records and a run of others."""
    with History(tmp_path / "there" / "history.sqlite") as history:
        for name in "abc":
            keep_record(history, tmp_path / "there" / "runs", name, host=HOST)
        history.add_foreign([OTHERS])
        yield history


@pytest.fixture
def archive(there: History, tmp_path: Path) -> Path:
    path = tmp_path / "all.zip"
    done = export_history(there.entries(), there.foreign_runs(), path)
    assert (done.records, done.foreign, done.refused) == (3, 1, ())
    return path


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_history_moves_whole(
    archive: Path, here: History, there: History, tmp_path: Path
) -> None:
    joined = import_archive(here, archive, tmp_path / "imported")
    assert joined == Joined(added=3, foreign=1)
    assert contents(tmp_path / "imported") == contents(tmp_path / "there" / "runs")
    for mine, theirs in zip(here.entries(), there.entries(), strict=True):
        assert mine == replace(theirs, folder=tmp_path / "imported" / mine.id, imported=True)
    assert here.foreign_runs() == [OTHERS]


def test_what_is_known_is_not_doubled_and_what_was_lost_comes_back(
    archive: Path, here: History, tmp_path: Path
) -> None:
    own = keep_record(here, tmp_path / "own", "b")
    assert import_archive(here, archive, tmp_path / "imported") == Joined(2, 0, 1, 1)
    assert here.folder_of("b") == own
    assert import_archive(here, archive, tmp_path / "imported") == Joined(known=3)
    shutil.rmtree(tmp_path / "imported" / "c")
    assert import_archive(here, archive, tmp_path / "imported") == Joined(added=1, known=2)
    assert len(here.entries()) == 3


def test_an_interrupted_import_is_taken_up_where_it_ended(
    archive: Path, here: History, tmp_path: Path
) -> None:
    shutil.copytree(tmp_path / "there" / "runs" / "a", tmp_path / "imported" / "a")
    assert import_archive(here, archive, tmp_path / "imported").added == 3
    assert {path.name for path in (tmp_path / "imported").iterdir()} == {"a", "b", "c"}


def test_runs_of_another_host_are_series_of_their_own(
    archive: Path, here: History, tmp_path: Path
) -> None:
    keep_record(here, tmp_path / "own", "mine", host=HOST | {"fingerprint": "b" * 16})
    import_archive(here, archive, tmp_path / "imported")
    runs = [run_of(entry) for entry in here.entries(with_facts=True)]
    assert sorted(len(series.runs) for series in series_of(runs)) == [1, 3]


def test_records_of_the_former_schema_are_imported_and_brought_up(
    here: History, there: History, tmp_path: Path
) -> None:
    folders = [folder for folder in former_folders() if FORMER in folder.parents]
    added = add_folders(there, folders)
    assert added.added == len(folders) - len(added.refused)
    former = [entry for entry in there.entries() if FORMER in entry.folder.parents]
    path = tmp_path / "former.zip"
    export_history(former, (), path)
    assert import_archive(here, path, tmp_path / "imported").added == len(former) > 0


def rewritten(archive: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> Path:
    """Writes the archive again with each entry changed, or left out."""
    path = archive.with_name("changed.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.infolist():
            changed = change(entry.filename, old.read(entry))
            if changed is not None:
                new.writestr(*changed)
    return path


def edited(field: str, value: object) -> Callable[[str, bytes], tuple[str, bytes]]:
    def change(name: str, data: bytes) -> tuple[str, bytes]:
        if name == "records/b/record.json":
            data = json.dumps(json.loads(data) | {field: value}).encode()
        return name, data

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (edited("schema_version", 99), "it follows schema 99"),
        (edited("case", 3), "not a record"),
        (edited("id", "other"), "calls itself other"),
        (lambda n, d: (n, d[:-9] if n == "records/b/samples.csv" else d), "sha256"),
        (lambda n, d: None if n == "records/b/record.json" else (n, d), "no such record"),
        (lambda n, d: None if n == "records/b/samples.csv" else (n, d), "cannot read the samples"),
        (lambda n, d: (n.replace("b/logs", "b/record.json"), d), "two of its files have one name"),
    ],
)
def test_a_bad_record_is_named_and_stops_no_other(
    archive: Path,
    here: History,
    tmp_path: Path,
    change: Callable[[str, bytes], tuple[str, bytes] | None],
    why: str,
) -> None:
    joined = import_archive(here, rewritten(archive, change), tmp_path / "imported")
    assert joined.added == 2
    assert [refused.what for refused in joined.refused] == ["b"]
    assert why in joined.refused[0].why
    assert str(tmp_path) not in joined.refused[0].why
    assert {path.name for path in (tmp_path / "imported").iterdir()} == {"a", "c"}


def test_a_damaged_entry_costs_its_record_alone(
    archive: Path, here: History, tmp_path: Path
) -> None:
    with zipfile.ZipFile(archive) as whole:
        at = whole.getinfo("records/b/samples.csv").header_offset
    data = bytearray(archive.read_bytes())
    data[at + 60] ^= 0xFF
    archive.write_bytes(data)
    joined = import_archive(here, archive, tmp_path / "imported")
    assert joined.added == 2
    assert "cannot be unpacked" in joined.refused[0].why


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/outside",
        "records/../../outside",
        "records/../outside/record.json",
        "records/b/../../../outside",
        "records/b//outside",
        "records/b/./outside",
        "records/b/..\\outside",
        "records/.hidden/record.json",
        "records/b/new\nline",
        "outside",
    ],
)
def test_nothing_is_written_outside_the_target(
    archive: Path, here: History, tmp_path: Path, name: str
) -> None:
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr(name, b"outside")
    before = contents(tmp_path)
    joined = import_archive(here, archive, tmp_path / "imported")
    assert joined.added == 3
    assert [refused.what for refused in joined.refused] == [repr(name)]
    new = set(contents(tmp_path)) - set(before)
    assert {path.split("/")[0] for path in new} <= {"imported", "here"}
    assert not any("outside" in path for path in new)


def test_a_link_in_an_archive_is_a_file_and_is_not_followed(
    archive: Path, here: History, tmp_path: Path
) -> None:
    link = zipfile.ZipInfo("records/b/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr(link, "/etc/passwd")
    import_archive(here, archive, tmp_path / "imported")
    assert not (tmp_path / "imported" / "b" / "link").is_symlink()
    assert (tmp_path / "imported" / "b" / "link").read_text() == "/etc/passwd"


def test_an_archive_larger_than_allowed_is_refused_before_anything_is_unpacked(
    archive: Path, here: History, tmp_path: Path
) -> None:
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as more:
        more.writestr("records/bomb/zeros", b"\0" * 10_000_000)
    with pytest.raises(UsageError, match="more than the"):
        import_archive(here, archive, tmp_path / "imported", most=1_000_000)
    assert here.entries() == []
    assert list((tmp_path / "imported").iterdir()) == []


def test_a_record_larger_than_any_run_leaves_is_refused(
    archive: Path, here: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(archive, "a") as more:
        for number in range(archives.MOST_FILES):
            more.writestr(f"records/b/{number}", b"")
    joined = import_archive(here, archive, tmp_path / "imported")
    assert joined.added == 2
    assert "too many for one record" in joined.refused[0].why


def test_a_size_that_an_entry_lies_about_is_not_believed(
    archive: Path, here: History, tmp_path: Path
) -> None:
    data = archive.read_bytes()
    with zipfile.ZipFile(archive) as whole:
        entry = whole.getinfo("records/b/samples.csv")
    # The size in the central directory, 24 bytes into its entry, which ends with the name.
    at = data.rindex(b"records/b/samples.csv") - 46 + 24
    assert int.from_bytes(data[at : at + 4], "little") == entry.file_size
    archive.write_bytes(data[:at] + (10).to_bytes(4, "little") + data[at + 4 :])
    joined = import_archive(here, archive, tmp_path / "imported")
    assert [refused.what for refused in joined.refused] == ["b"]
    assert joined.added == 2


@pytest.mark.parametrize("cut", [0, 10, 1000])
def test_what_is_no_archive_is_refused(
    archive: Path, here: History, tmp_path: Path, cut: int
) -> None:
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(UsageError, match="no archive of a history"):
        import_archive(here, archive, tmp_path / "imported")
    with pytest.raises(UsageError, match="cannot read"):
        import_archive(here, tmp_path / "none.zip", tmp_path / "imported")


@pytest.mark.parametrize(
    ("about", "why"),
    [
        (b"{}", "is no archive of a history"),
        (b"\xff", "is no archive of a history"),
        (b'{"format": ' + b"[" * 100_000, "is no archive of a history"),
        (b'{"format": "r50bench history", "version": 2}', "archive of form 2"),
        (None, "is no archive of a history"),
    ],
)
def test_another_zip_or_a_newer_form_is_refused(
    archive: Path, here: History, tmp_path: Path, about: bytes | None, why: str
) -> None:
    def change(name: str, data: bytes) -> tuple[str, bytes] | None:
        if name != MANIFEST:
            return name, data
        return None if about is None else (name, about)

    with pytest.raises(UsageError, match=why):
        import_archive(here, rewritten(archive, change), tmp_path / "imported")


def test_a_bad_line_of_others_is_named(archive: Path, here: History, tmp_path: Path) -> None:
    bad = b"{}\n" + b"[" * 100_000 + b"\n"
    changed = rewritten(archive, lambda n, d: (n, bad + d if n == FOREIGN else d))
    joined = import_archive(here, changed, tmp_path / "imported")
    assert (joined.added, joined.foreign) == (3, 1)
    assert [one.what for one in joined.refused] == [f"line {n} of {FOREIGN}" for n in (1, 2)]


def test_records_are_added_where_they_lie_and_found_again_where_they_moved(
    here: History, tmp_path: Path
) -> None:
    folders = [write_run(tmp_path / "runs", name)[1] for name in "ab"]
    write_run(tmp_path / "runs", "broken")[1].joinpath("samples.csv").write_text("x")
    broken = tmp_path / "runs" / "broken"
    joined = add_folders(here, [*folders, broken])
    assert (joined.added, joined.refused[0].what) == (2, str(broken))
    assert here.entries()[0].primary == ("img/s", pytest.approx(1600))
    assert not here.entries()[0].imported
    assert add_folders(here, folders) == Joined(known=2)
    os.rename(folders[0], tmp_path / "moved")
    assert add_folders(here, [tmp_path / "moved", folders[1]]) == Joined(moved=1, known=1)
    assert here.folder_of("a") == tmp_path / "moved"
    assert read_record(tmp_path / "moved").id == "a"


def test_archives_are_unpacked_beside_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R50BENCH_DATA", "/data")
    assert imported_path() == Path("/data/imported")


def test_of_two_imports_at_a_time_both_take_the_record_that_one_unpacked(
    archive: Path, here: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack, target = joining.unpack, tmp_path / "imported"

    def slowly(*args: Any) -> None:
        monkeypatch.setattr(joining, "unpack", unpack)
        with History(tmp_path / "other" / "history.sqlite") as other:
            assert import_archive(other, archive, target) == Joined(3, foreign=1)
        unpack(*args)

    monkeypatch.setattr(joining, "unpack", slowly)
    assert import_archive(here, archive, target) == Joined(3, foreign=1)
    assert sorted(path.name for path in target.iterdir()) == ["a", "b", "c"]
