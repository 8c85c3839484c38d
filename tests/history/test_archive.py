from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from r50bench.errors import UsageError
from r50bench.history import archive
from r50bench.history.archive import export_history, record_files
from r50bench.results.history import History
from support.kept_records import keep_record


def test_what_is_gone_or_too_large_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "LARGEST_RECORD", 100_000)
    with History(tmp_path / "history.sqlite") as history:
        for name in ("good", "gone", "large"):
            keep_record(history, tmp_path / "runs", name)
        shutil.rmtree(tmp_path / "runs" / "gone")
        (tmp_path / "runs" / "large" / "log").write_bytes(b"\0" * 100_001)
        done = export_history(history.entries(), (), tmp_path / "all.zip")
    assert done.records == 1
    assert {one.what: one.why.split(" of ")[0] for one in done.refused} == {
        "gone": f"there is no record in {tmp_path / 'runs' / 'gone'} any more",
        "large": "4 files",
    }
    with zipfile.ZipFile(tmp_path / "all.zip") as made:
        records, strange = record_files(made.infolist())
    assert (list(records), strange) == (["good"], [])


def test_links_out_of_a_record_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with History(tmp_path / "history.sqlite") as history:
        folder = keep_record(history, tmp_path / "runs", "a")
        (folder / "link").symlink_to(tmp_path / "secret")
        export_history(history.entries(), (), tmp_path / "all.zip")
    assert b"secret" not in (tmp_path / "all.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "all.zip") as made:
        assert not any("link" in name for name in made.namelist())


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        export_history((), (), path)
    assert path.read_text() == "mine"
    with pytest.raises(UsageError, match="cannot write"):
        export_history((), (), tmp_path / "none" / "all.zip")
    assert {one.name for one in tmp_path.iterdir()} == {"all.zip"}


def test_nothing_is_left_where_there_was_nothing_to_write(tmp_path: Path) -> None:
    with History(tmp_path / "history.sqlite") as history:
        keep_record(history, tmp_path / "runs", "gone")
        shutil.rmtree(tmp_path / "runs")
        done = export_history(history.entries(), (), tmp_path / "all.zip")
    assert not done.written
    assert [one.what for one in done.refused] == ["gone"]
    assert not list(tmp_path.glob("*.zip*"))
