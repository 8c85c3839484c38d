"""Who opens the pipe gets the logs."""

from __future__ import annotations

import os
import stat
import tarfile
import threading
from io import BytesIO
from pathlib import Path

import pytest

from r50bench.errors import RunFailed, UsageError
from r50bench.workload.export import ensure_pipe, write_archive


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    (folder / "output").mkdir(parents=True)
    (folder / "status").write_text("0\n")
    (folder / "output" / "instance_0.log").write_bytes(b"x" * 300_000)  # more than a pipe holds
    return folder


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "export-logs"
    ensure_pipe(path)
    return path


def fetched(pipe: Path, folder: Path) -> bytes:
    writer = threading.Thread(target=write_archive, args=(pipe, folder))
    writer.start()
    archive = pipe.read_bytes()
    writer.join()
    return archive


def test_the_pipe_gives_a_tar_of_the_folder_to_each_who_asks(pipe: Path, logs: Path) -> None:
    for _ in range(2):
        with tarfile.open(fileobj=BytesIO(fetched(pipe, logs))) as archive:
            assert archive.getnames() == ["output", "output/instance_0.log", "status"]
            assert {(member.uid, member.uname) for member in archive} == {(0, "")}
            status = archive.extractfile("status")
            assert status is not None
            assert status.read() == b"0\n"


def test_who_closes_the_pipe_early_leaves_it_for_the_next(pipe: Path, logs: Path) -> None:
    writer = threading.Thread(target=write_archive, args=(pipe, logs))
    writer.start()
    with pipe.open("rb") as file:
        file.read(10)
    writer.join()
    assert len(fetched(pipe, logs)) > 300_000


def test_a_pipe_that_is_gone_does_not_become_a_file(tmp_path: Path, logs: Path) -> None:
    with pytest.raises(RunFailed, match=f"{tmp_path / 'gone'} is gone"):
        write_archive(tmp_path / "gone", logs)
    assert not (tmp_path / "gone").exists()


def test_logs_that_are_gone_are_named_to_whoever_started_the_workload(
    pipe: Path, tmp_path: Path
) -> None:
    reader = threading.Thread(target=pipe.read_bytes)
    reader.start()
    with pytest.raises(RunFailed, match="logs is gone"):
        write_archive(pipe, tmp_path / "logs")
    reader.join()


def test_anyone_may_read_the_pipe_whatever_the_umask(tmp_path: Path) -> None:
    former = os.umask(0o077)
    try:
        ensure_pipe(tmp_path / "pipe")
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "pipe").stat().st_mode) == 0o666


def test_a_pipe_that_is_there_is_taken(pipe: Path) -> None:
    before = pipe.stat().st_ino
    ensure_pipe(pipe)
    assert pipe.stat().st_ino == before


def test_what_is_no_pipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is no pipe"):
        ensure_pipe(tmp_path / "file")
    with pytest.raises(UsageError, match="cannot be made: no such file"):
        ensure_pipe(tmp_path / "absent" / "pipe")
    assert (tmp_path / "file").read_text() == "mine"
