"""A folder as bytes and back; and bytes that no folder of ours has made."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.errors import R50BenchError, RunFailed, UsageError
from r50bench.fleet.parcel import packed, unpack_parcel
from r50bench.results.samples import read_measured
from support.kept_records import write_run

MOST = 10_000_000


def zipped(*files: tuple[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return data.getvalue()


def test_a_record_comes_home_as_it_was(tmp_path: Path) -> None:
    made, _ = write_run(tmp_path / "there", "a")
    (tmp_path / "here").mkdir()
    unpack_parcel(packed(tmp_path / "there", MOST), tmp_path / "here", MOST)
    record, samples = read_measured(tmp_path / "here" / "a")
    assert record == made
    assert samples is not None
    assert len(samples) == 40
    assert (tmp_path / "here" / "a" / "logs" / "worker-0.log").read_text() == "nothing to say\n"


def test_pages_links_and_what_is_hidden_stay_where_they_are(tmp_path: Path) -> None:
    for name in ("record.json", "report.html", ".run-123"):
        (tmp_path / name).write_text("{}")
    (tmp_path / ".sweep").mkdir()
    (tmp_path / ".sweep" / "half").write_text("")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with zipfile.ZipFile(io.BytesIO(packed(tmp_path, MOST))) as archive:
        assert archive.namelist() == ["record.json"]


def test_nothing_left_is_nothing_sent(tmp_path: Path) -> None:
    assert packed(tmp_path, MOST) == b""


def test_more_than_may_come_home_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(bytes(1001))
    with pytest.raises(RunFailed, match="it left 1 file of 1,001 bytes, and 1,000 bytes are all"):
        packed(tmp_path, 1000)


@pytest.mark.parametrize(
    "name",
    ["../out", "/etc/cron.d/x", "a/../../b", "a\\..\\b", ".bashrc", "a/.ssh/b", "report.html"],
)
def test_names_that_no_run_leaves_are_refused_and_nothing_is_written(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(RunFailed, match="which no run leaves"):
        unpack_parcel(zipped(("record.json", b"{}"), (name, b"x")), tmp_path, MOST)
    assert not list(tmp_path.iterdir())


def test_a_link_in_it_is_a_file_like_any_other(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo("record.json")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    unpack_parcel(data.getvalue(), tmp_path, MOST)
    assert not (tmp_path / "record.json").is_symlink()


def test_what_unpacks_to_more_than_may_come_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too many"):
        unpack_parcel(zipped(("a", bytes(MOST + 1))), tmp_path, MOST)


def test_a_header_that_lies_about_the_size_gains_nothing(tmp_path: Path) -> None:
    data = bytearray(zipped(("a", bytes(5_000_000))))
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", data, data.index(mark) + at, 10)
    with pytest.raises(RunFailed, match="cannot be unpacked"):
        unpack_parcel(bytes(data), tmp_path, MOST)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 5_000_000


@pytest.mark.parametrize("name", ["n" * 300, "/".join(["d" * 200] * 30)])
def test_a_name_that_no_file_system_takes_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunFailed, match="cannot be unpacked: file name too long"):
        unpack_parcel(zipped((name, b"x")), tmp_path, MOST)


def test_a_way_of_packing_that_asks_for_memory_is_refused(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("record.json", "{}")
    with pytest.raises(RunFailed, match="packed in a way of its own"):
        unpack_parcel(data.getvalue(), tmp_path, MOST)


def test_entries_without_end_are_refused_before_they_are_looked_at(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="too many files"):
        unpack_parcel(b"PK\x01\x02" * 100_001, tmp_path, MOST)


def test_one_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "there", "a")
    data = packed(tmp_path / "there", MOST)
    for length in range(0, len(data), len(data) // 20):
        target = tmp_path / f"cut-{length}"
        target.mkdir()
        with pytest.raises(RunFailed, match="cannot be unpacked"):
            unpack_parcel(data[:length], target, MOST)


@given(st.data())
def test_a_damaged_one_is_unpacked_as_it_was_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(zipped(("record.json", b"{}" * 50), ("logs/a.log", b"text" * 50)))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    folder = tmp_path_factory.mktemp("damaged")
    try:
        unpack_parcel(bytes(whole), folder, MOST)
    except R50BenchError:
        return
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert all(folder in path.resolve().parents for path in files)
