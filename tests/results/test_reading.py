"""Files read back: what is refused, and what it costs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from r50bench.errors import RunFailed, UsageError
from r50bench.results.reading import checked_json, plain_json, read_bounded, tail_of


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
    assert tail_of(tmp_path / "none", 5) == []
