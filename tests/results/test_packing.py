"""Folders in a ZIP: what is put where, and what is not. Archives are in history/test_joining.py."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from r50bench.errors import UsageError
from r50bench.results.packing import aside, check_files, empty, files_of, stays_inside, unpack


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("record.json", True),
        ("loadgen/mlperf_log_summary.txt", True),
        ("a/../../b", False),
        ("/etc/passwd", False),
        ("a//b", False),
        ("./a", False),
        ("a\\b", False),
        ("a\n", False),
        ("", False),
    ],
)
def test_a_name_leads_nowhere_else(name: str, stays: bool) -> None:
    assert stays_inside(name) is stays


def test_links_are_no_part_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    assert [path.name for path in files_of(tmp_path)] == ["file"]


@pytest.mark.parametrize(
    ("names", "size", "why"),
    [
        (["a", "b", "c"], 1, "3 files of 1 bytes are too many"),
        (["a"], 11, "1 files of 11 bytes are too many"),
        (["a", "a"], 1, "two of its files have one name"),
        (["a/b", "a"], 1, "two of its files have one name"),
    ],
)
def test_files_that_are_too_many_or_in_each_others_way_are_refused(
    names: list[str], size: int, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        check_files(map(PurePosixPath, names), size, most_files=2, most_bytes=10)
    check_files(map(PurePosixPath, ["a", "b"]), 10, most_files=2, most_bytes=10)


def test_a_file_that_is_larger_than_its_header_says_is_not_written_on(tmp_path: Path) -> None:
    path = tmp_path / "one.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("file", bytes(10_000_000))
    with zipfile.ZipFile(path) as archive:
        (entry,) = archive.infolist()
        entry.file_size = 10
        with pytest.raises(ValueError, match=r"cannot be unpacked|is larger"):
            unpack(archive, [(PurePosixPath("file"), entry)], tmp_path)
    assert (tmp_path / "file").stat().st_size < 10_000_000


def test_what_is_aside_is_gone_unless_it_was_renamed(tmp_path: Path) -> None:
    with aside(tmp_path) as one:
        (one / "file").write_text("kept")
        one.rename(tmp_path / "final")
    with pytest.raises(UsageError, match="cannot be unpacked: file exists"), aside(tmp_path) as two:
        (two / "..").mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_a_folder_is_emptied_of_all_that_lies_in_it_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "file").write_text("kept")
    folder = tmp_path / "folder"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "file").write_text("")
    (folder / "link").symlink_to(tmp_path / "beside")
    empty(folder)
    assert list(folder.iterdir()) == []
    assert (tmp_path / "beside" / "file").read_text() == "kept"
