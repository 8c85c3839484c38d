"""``r50bench kpi``."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from support.command_line import Call
from support.records import keep_run


def test_the_block_of_a_run_is_printed(r50bench_here: Call, tmp_path: Path) -> None:
    folder = keep_run(tmp_path / "run")
    answer = r50bench_here("kpi", str(folder))
    assert (answer.code, answer.err) == (0, "")
    assert "*Average Throughput (img/s): 1600\n" in answer.out
    assert "## BATCH_SIZE: 8\n" in answer.out
    assert r50bench_here("kpi", str(folder / "record.json")) == answer


def test_primary_prints_the_primary_figure_alone(r50bench_here: Call, tmp_path: Path) -> None:
    out = r50bench_here("kpi", "--primary", str(keep_run(tmp_path / "run"))).out
    assert [line for line in out.splitlines() if not line.startswith("#")] == [
        "*Average Throughput (img/s): 1600"
    ]


def test_a_folder_of_runs_gives_all_of_them_once_without_those_in_progress(
    r50bench_here: Call, tmp_path: Path
) -> None:
    keep_run(tmp_path / "runs" / "b", id="20260102-000000_b")
    keep_run(tmp_path / "runs" / "deep" / "a", id="20260101-000000_a")
    keep_run(tmp_path / "runs" / ".unfinished", id="20260103-000000_c")
    runs = str(tmp_path / "runs")
    data = json.loads(r50bench_here("kpi", "--format", "json", runs, runs).out)
    assert sorted(one["record"] for one in data) == ["20260101-000000_a", "20260102-000000_b"]


@pytest.mark.parametrize(
    ("style", "sign"), [("csv", "Average Throughput (img/s)"), ("markdown", "| KPI | value |")]
)
def test_other_formats_are_written(
    r50bench_here: Call, tmp_path: Path, style: str, sign: str
) -> None:
    assert sign in r50bench_here("kpi", "--format", style, str(keep_run(tmp_path / "run"))).out


def test_without_a_folder_the_newest_run_is_taken(
    r50bench_here: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in ("02", "03", "01"):
        name = f"202601{day}-000000_a"
        keep_run(tmp_path / "r50bench-runs" / name, id=name)
    monkeypatch.chdir(tmp_path)
    assert "# 20260103-000000_a\n" in r50bench_here("kpi", "--primary").out


def test_without_any_run_it_says_what_to_do(
    r50bench_here: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = r50bench_here("kpi")
    assert answer.code == 2
    assert "r50bench run" in answer.err


def test_an_invalid_record_has_no_kpi_and_exits_5_with_its_reason(
    r50bench_here: Call, tmp_path: Path
) -> None:
    keep_run(tmp_path / "runs" / "good")
    keep_run(tmp_path / "runs" / "bad", reason="worker 1 was killed", id="20260102-000000_b")
    answer = r50bench_here("kpi", "--primary", str(tmp_path / "runs"))
    assert answer.code == 5
    assert answer.out.count("*Average Throughput") == 1
    assert "worker 1 was killed" in answer.out
    assert "1 of 2 records have no figures: 20260102-000000_b: worker 1 was killed" in answer.err


def test_changed_samples_are_refused(r50bench_here: Call, tmp_path: Path) -> None:
    folder = keep_run(tmp_path / "run")
    with (folder / "samples.csv").open("a") as samples:
        samples.write("0,0,99,0,1,8\n")
    answer = r50bench_here("kpi", str(folder))
    assert (answer.code, answer.out) == (5, "")
    assert "sha256" in answer.err


@pytest.mark.parametrize("name", ["record.json", "samples.csv"])
@pytest.mark.parametrize("content", [b"", b"{\xff"])
def test_a_damaged_record_does_not_hide_the_others(
    r50bench_here: Call, tmp_path: Path, name: str, content: bytes
) -> None:
    for folder in "abc":
        keep_run(tmp_path / "runs" / folder, id=folder)
    damaged = tmp_path / "runs" / "b" / name
    damaged.write_bytes(content)
    answer = r50bench_here("kpi", str(tmp_path / "runs"))
    assert answer.code == 5
    assert answer.out.count("*Average Throughput") == 2
    assert "1 of 3 records have no figures: " in answer.err
    assert str(damaged) in answer.err


def test_a_run_that_lost_its_record_or_may_not_be_read_is_no_silent_gap(
    r50bench_here: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_run(tmp_path / "runs" / "a")
    lost = keep_run(tmp_path / "runs" / "b", id="20260101-000001_b") / "record.json"
    lost.unlink()
    closed = keep_run(tmp_path / "runs" / "c", id="20260101-000002_c")
    look_into, really_open = os.scandir, os.open

    def scandir(path: str) -> object:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return look_into(path)

    def open_(path: os.PathLike[str], flags: int, *mode: int, **where: int) -> int:
        if Path(path).parent == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return really_open(path, flags, *mode, **where)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "open", open_)
    answer = r50bench_here("kpi", str(tmp_path / "runs"))
    assert answer.code == 5
    assert answer.out.count("*Average Throughput") == 1
    assert "2 of 3 records have no figures" in answer.err
    assert f"{lost}: no such record" in answer.err
    assert f"cannot read {closed / 'record.json'}: permission denied" in answer.err


def test_where_every_record_is_damaged_there_is_still_json(
    r50bench_here: Call, tmp_path: Path
) -> None:
    (keep_run(tmp_path / "run") / "record.json").write_text("{")
    answer = r50bench_here("kpi", "--format", "json", str(tmp_path / "run"))
    assert (answer.code, json.loads(answer.out)) == (5, [])
    assert "record.json: not a record" in answer.err


def test_pages_among_the_folders_have_no_figures_and_need_none(
    r50bench_here: Call, tmp_path: Path
) -> None:
    keep_run(tmp_path / "runs" / "a")
    page = tmp_path / "runs" / "a.html"
    page.write_text("<!doctype html>")
    answer = r50bench_here("kpi", *map(str, sorted((tmp_path / "runs").iterdir())))
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count("*Average Throughput") == 1
    assert r50bench_here("kpi", str(page)).code == 2


@pytest.mark.parametrize("name", ["absent", "empty", "file"])
def test_what_holds_no_run_is_wrong_usage(r50bench_here: Call, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    answer = r50bench_here("kpi", str(tmp_path / name))
    assert (answer.code, answer.out) == (2, "")
    assert name in answer.err
