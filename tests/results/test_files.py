"""Files that processes share: written whole, held by one, refused where they cannot be right."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.errors import RunFailed, UsageError
from r50bench.results.files import (
    Busy,
    Hold,
    checked_json,
    from_json,
    plain_json,
    read_bounded,
    tail_of,
    to_json,
    write_atomically,
)


def test_a_written_file_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_mode_that_the_umask_gives(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomically(path, b"")
    ordinary = tmp_path / "b.txt"
    ordinary.touch()
    assert path.stat().st_mode == ordinary.stat().st_mode


def test_a_link_stays_and_the_file_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "a.txt", tmp_path / "link"
    link.symlink_to(Path("there") / "a.txt")
    for data in (b"made", b"replaced"):  # it leads to nothing at first
        write_atomically(link, data)
        assert (link.is_symlink(), target.is_symlink()) == (True, False)
        assert target.read_bytes() == data
        assert list(target.parent.iterdir()) == [target]


def test_a_link_that_leads_to_itself_or_nowhere_is_refused_and_stays(tmp_path: Path) -> None:
    circle, lost = tmp_path / "circle", tmp_path / "lost"
    circle.symlink_to("circle")
    lost.symlink_to(Path("absent") / "a.txt")
    for link, why in ((circle, "symbolic links"), (lost, "no such file or directory")):
        with pytest.raises(RunFailed, match=why):
            write_atomically(link, b"")
    assert sorted(tmp_path.iterdir()) == [circle, lost]
    assert circle.is_symlink()
    assert lost.is_symlink()


def test_a_fifo_is_written_into_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(path, b"whole")
        assert os.read(reader, 100) == b"whole"
    finally:
        os.close(reader)
    assert path.is_fifo()
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_said_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFailed, match="disk is full") as caught:
        write_atomically(path, b"new")
    assert str(tmp_path) in (caught.value.hint or "")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="no such file or directory"):
        write_atomically(tmp_path / "absent" / "a.txt", b"")


def deny(monkeypatch: pytest.MonkeyPatch, module: object, call: str, number: int) -> None:
    def denied(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module, call, denied)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_sync_loses_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    deny(monkeypatch, os, "fsync", number)
    write_atomically(tmp_path / "a.txt", b"whole")
    assert (tmp_path / "a.txt").read_bytes() == b"whole"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_held_is_held_by_one_until_it_is_released(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    with Hold(path) as hold:
        assert hold.notices() == ()
        with pytest.raises(Busy):
            Hold(path)
    Hold(path).release()


@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF]
)
def test_a_file_system_without_locks_is_said_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    deny(monkeypatch, fcntl, "flock", number)
    with Hold(tmp_path) as one, Hold(tmp_path, wait=True) as other:
        assert [notice.code for notice in (*one.notices(), *other.notices())] == ["no-locks"] * 2


def test_without_locks_who_has_not_written_for_a_day_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, log = tmp_path / "left", tmp_path / "left" / "log"
    left.mkdir()
    log.touch()
    with Hold(tmp_path) as hold:
        assert hold.left_by_the_dead(left)  # its makers hold what is held here
    deny(monkeypatch, fcntl, "flock", errno.ENOLCK)
    with Hold(tmp_path) as hold:
        os.utime(left, (0, 0))
        assert not hold.left_by_the_dead(left)  # its log was written to just now
        os.utime(log, times=(time.time() - 90_000,) * 2)
        assert hold.left_by_the_dead(left)


NAME = b"b\xe4r \xc3\xa4.JPEG".decode(errors="surrogateescape")


class Named(msgspec.Struct):
    name: str


@pytest.mark.parametrize("indent", [None, 2])
def test_a_name_that_is_no_utf8_comes_back_byte_by_byte(indent):
    data = to_json(Named(NAME), indent=indent)
    assert from_json(data, Named).name == NAME
    assert json.loads(data)["name"] == NAME


def test_names_that_are_utf8_are_written_as_msgspec_writes_them():
    assert to_json(Named("bär")) == msgspec.json.encode(Named("bär"))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'{"name": 3}', b'{"name": "\\udce4"', b'{"name": 3, "x": "\\udce4"}', b"\xff"],
)
def test_what_is_no_such_json_is_refused_as_msgspec_refuses_it(data):
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        from_json(data, Named)


def test_nesting_beyond_all_measure_is_refused():
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        from_json(b'["\\udce4",' + b"[" * 100_000)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.binary(max_size=9).map(repr)
    | st.binary(max_size=9).map(lambda name: name.decode(errors="surrogateescape")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
)


@given(PLAIN)
def test_whatever_is_written_comes_back(value: Any):
    assert from_json(to_json(value)) == value


def test_a_file_within_the_bound_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bounded(path, 5) == b"12345"


def test_a_larger_file_is_refused_with_its_size_and_never_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match=r"has 1,099,511,627,776 bytes, where 5 are the most"):
        read_bounded(path, 5)


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(UsageError, match="is no regular file"):
        read_bounded(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no regular file"):
        read_bounded(tmp_path)


def test_a_missing_file_is_for_the_caller_to_explain(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "none")


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES, errno.ESTALE])
def test_what_the_system_refuses_is_named(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "file"
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(RunFailed) as caught:
        read_bounded(path)
    assert caught.value.exit_code == 5
    assert str(path) in caught.value.message


@pytest.mark.parametrize("text", [b"{", b'"\xff"', b"[" * 100_000, b"1e999", b""])
def test_what_is_no_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"nested too deep|UTF-8|utf-8|truncated|out of range"):
        plain_json(text)


def test_another_shape_is_a_value_error_that_names_the_place() -> None:
    with pytest.raises(ValueError, match=r"\$\[\.\.\.\]"):
        checked_json(b'{"a": "one"}', dict[str, int])


def test_the_end_of_a_log_is_read_without_the_rest_of_it(tmp_path: Path) -> None:
    path = tmp_path / "worker-0.log"
    with path.open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\nfirst\n\x1b[31mred\xff\n" + b"x" * 5000 + b"\n")
    last = tail_of(path, 3)
    assert last[:2] == ["first", "\\x1b[31mred\ufffd"]
    assert last[2] == "x" * 500


def test_a_log_that_cannot_be_read_has_no_lines(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert tail_of(tmp_path / "none", 5) == tail_of(tmp_path / "fifo", 5) == []
