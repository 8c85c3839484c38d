"""Which folders of records a path means."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.errors import UsageError
from r50bench.results.folders import record_folders, without_pages


def run_in(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "record.json").write_text("{}")
    return folder


def test_a_run_its_record_and_the_folder_above_mean_that_run(tmp_path: Path) -> None:
    run = run_in(tmp_path / "runs" / "20260101_a")
    for path in (run, run / "record.json", tmp_path / "runs", tmp_path):
        assert record_folders(path) == [run]


def test_runs_come_oldest_first_and_hidden_ones_are_still_in_progress(tmp_path: Path) -> None:
    later, earlier = run_in(tmp_path / "20260102_a"), run_in(tmp_path / "20260101_b")
    run_in(tmp_path / ".20260103_c.tmp")
    assert record_folders(tmp_path) == [earlier, later]


def test_what_holds_no_run_or_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        record_folders(tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        record_folders(tmp_path / "gone")
    (tmp_path / "page.html").touch()
    with pytest.raises(UsageError, match=r"page\.html is a file"):
        record_folders(tmp_path / "page.html")


def test_pages_are_passed_over_where_anything_else_is_named(tmp_path: Path) -> None:
    run = run_in(tmp_path / "20260101_a.html")  # a folder may be called so
    pages = [tmp_path / name for name in ("20260101_b.html", "check.md", "check.xml")]
    others = [tmp_path / "gone.html", tmp_path / "runs.json", tmp_path / "notes.md"]
    for file in (*pages, *others[1:]):
        file.touch()
    assert without_pages([*pages, run, *others]) == [run, *others]
    assert without_pages([*map(str, pages), "a-baseline"]) == ["a-baseline"]
    assert without_pages(pages) == pages
