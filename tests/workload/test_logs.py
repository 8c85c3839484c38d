"""What lies in the folder of logs after runs that went well, badly, or were refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from r50bench.errors import RunFailed
from r50bench.history.wsf import read_wsf_logs
from r50bench.results.foreign import ForeignFigure
from r50bench.workload import logs
from r50bench.workload.logs import new_folder, write_logs
from support.records import keep_run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_run_is_told_in_both_forms(tmp_path: Path) -> None:
    keep_run(tmp_path / "run")
    write_logs(tmp_path, 0)
    (log,) = tmp_path.glob("benchmark_*.log")
    assert names(tmp_path) == [log.name, "kpi.txt", "output", "run", "status"]
    assert (tmp_path / "status").read_text() == "0\n"
    assert "*Average Throughput (img/s): 1600\n" in (tmp_path / "kpi.txt").read_text()
    assert names(tmp_path / "output") == ["instance_0.log", "instance_1.log"]
    assert log.read_text().count("Throughput: 800.000 fps\n") == 2


def test_it_is_read_back_as_the_original_workload_s(tmp_path: Path) -> None:
    worker = tmp_path / "logs-case" / "itr-1" / "worker-0"
    keep_run(worker / "run")
    write_logs(worker, 0)
    ((run,), refused) = read_wsf_logs(tmp_path)
    assert refused == []
    assert run.figures[0] == ForeignFigure("Throughput", "fps", 1600.0)


def test_several_runs_have_their_blocks_and_no_log_that_would_mix_them(tmp_path: Path) -> None:
    keep_run(tmp_path / "a")
    keep_run(tmp_path / "b", id="20260102-000000_b")
    write_logs(tmp_path, 0)
    assert names(tmp_path) == ["a", "b", "kpi.txt", "status"]
    assert (tmp_path / "kpi.txt").read_text().count("*Average Throughput") == 2


def test_an_invalid_run_says_why_and_has_no_figure(tmp_path: Path) -> None:
    keep_run(tmp_path / "run", reason="worker 1 was killed")
    write_logs(tmp_path, 5)
    assert names(tmp_path) == ["kpi.txt", "run", "status"]
    assert (tmp_path / "status").read_text() == "5\n"
    said = (tmp_path / "kpi.txt").read_text()
    assert "worker 1 was killed" in said
    assert "Throughput" not in said


def test_a_refused_run_leaves_its_status(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text("r50bench: does not fit\n")
    write_logs(tmp_path, 2)
    assert names(tmp_path) == ["output.log", "status"]


def test_a_damaged_record_hides_no_other(tmp_path: Path) -> None:
    keep_run(tmp_path / "a")
    (keep_run(tmp_path / "b") / "record.json").write_text("{")
    write_logs(tmp_path, 5)
    assert "*Average Throughput" in (tmp_path / "kpi.txt").read_text()


def test_each_run_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    first, second = new_folder(tmp_path / "logs"), new_folder(tmp_path / "logs")
    assert first != second
    assert first.parent == second.parent == tmp_path / "logs"


def test_where_the_folder_cannot_be_written_a_temporary_one_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert new_folder(Path("/proc/logs")).parent == tmp_path


def test_where_nothing_can_be_written_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc")
    monkeypatch.setattr(logs, "_SHARED_MEMORY", Path("/proc/shm"))
    with pytest.raises(RunFailed, match="no place for logs") as caught:
        new_folder(Path("/proc/logs"))
    assert "--tmpfs /tmp" in (caught.value.hint or "")
