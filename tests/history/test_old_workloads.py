from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from r50bench.errors import UsageError
from r50bench.history import old_files
from r50bench.history.old_workloads import foreign_runs_in
from support.kept_records import write_run


def test_a_path_is_taken_for_what_it_holds(tmp_path: Path) -> None:
    kpi = tmp_path / "kpi.txt"
    kpi.write_text("*Throughput (samples/s): 1451\n")
    entry = tmp_path / "entry" / "data_axs.json"
    entry.parent.mkdir()
    entry.write_text(json.dumps({"tags": ["loadgen_output"], "accuracy_report": "-"}))
    worker = tmp_path / "logs-case" / "itr-1" / "worker-0-c1"
    worker.mkdir(parents=True)
    log = "benchmark_latency_resnet50_avx_fp32_inference_real_05-01-24-10-20-30.log"
    (worker / log).write_text("inference latency 4.0 ms")
    for path, workloads in ((kpi, ["wsf"]), (entry, ["axs"]), (tmp_path, ["wsf", "axs"])):
        runs, refused = foreign_runs_in(path)
        assert [run.workload for run in runs] == workloads
        assert refused == []


def test_what_is_not_known_is_refused_with_what_is(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("nothing")
    for name, why in (("empty", "holds no log"), ("text", "no line of a KPI"), ("none", "no ")):
        with pytest.raises(UsageError, match=why):
            foreign_runs_in(tmp_path / name)


def test_records_of_ours_are_for_history_add(tmp_path: Path) -> None:
    write_run(tmp_path, "a")
    with pytest.raises(UsageError) as caught:
        foreign_runs_in(tmp_path)
    assert f"r50bench history add {tmp_path}" in (caught.value.hint or "")


def test_a_file_that_is_far_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_files, "_LARGEST", 2**20)
    (tmp_path / "text").write_bytes(b"x" * (2**20 + 1))
    with pytest.raises(UsageError, match="larger than 1 MiB"):
        foreign_runs_in(tmp_path / "text")


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(UsageError, match=f"{path} is no regular file"):
            foreign_runs_in(path)
    os.mkfifo(tmp_path / "data_axs.json")
    runs, refused = foreign_runs_in(tmp_path)
    assert runs == []
    assert refused[0].why == f"{tmp_path / 'data_axs.json'} is no regular file"
