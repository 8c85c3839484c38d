"""``r50bench baseline``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.results.record import write_record
from support import records
from support.command_line import Call


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        (tmp_path / "runs" / name).mkdir(parents=True)
        record = records.record_of("accuracy", samples_sha256=None)
        write_record(replace(record, id=f"20260101_{name}"), tmp_path / "runs" / name)


def test_a_baseline_is_saved_listed_shown_and_removed(r50bench_here: Call, tmp_path: Path) -> None:
    assert "there are no baselines" in r50bench_here("baseline", "list").out
    saved = r50bench_here("baseline", "save", "main", "runs/a", "runs/b")
    assert saved.code == 0, saved.err
    assert saved.out.splitlines()[0] == f"main: 2 runs in {tmp_path}/data/baselines/main.json"
    (row,) = r50bench_here("baseline", "list").out.splitlines()[2:]
    assert row.split() == ["main", "2", "inference_accuracy_avx_int8", "AMD", "EPYC", "2026-01-31"]
    shown = r50bench_here("baseline", "show", "main").out
    assert "20260101_b  Accuracy (%)     95" in shown
    assert r50bench_here("baseline", "remove", "main").code == 0
    assert r50bench_here("baseline", "show", "main").code == 2


def test_pages_among_the_folders_are_not_saved(r50bench_here: Call, tmp_path: Path) -> None:
    (tmp_path / "runs" / "a.html").write_text("<!doctype html>")
    saved = r50bench_here("baseline", "save", "main", "runs/a", "runs/a.html", "runs/b")
    assert (saved.code, saved.out[:12]) == (0, "main: 2 runs"), saved.err


def test_a_name_that_is_taken_exits_2_unless_replaced(r50bench_here: Call) -> None:
    r50bench_here("baseline", "save", "main", "runs/a")
    again = r50bench_here("baseline", "save", "main", "runs")
    assert (again.code, "--replace" in again.err) == (2, True)
    assert r50bench_here("baseline", "save", "main", "runs", "--replace").code == 0


def test_a_damaged_baseline_is_listed_with_the_reason(r50bench_here: Call, tmp_path: Path) -> None:
    r50bench_here("baseline", "save", "good", "runs")
    (tmp_path / "data" / "baselines" / "bad.json").write_text("nothing")
    listed = r50bench_here("baseline", "list")
    assert listed.code == 0
    assert "is no JSON" in listed.out
    assert "good" in listed.out


def test_runs_of_two_hosts_are_no_baseline(r50bench_here: Call, tmp_path: Path) -> None:
    (tmp_path / "runs" / "c").mkdir()
    record = records.record_of("accuracy", samples_sha256=None, id="20260101_c")
    write_record(replace(record, host={"model_name": "Xeon"}), tmp_path / "runs" / "c")
    answer = r50bench_here("baseline", "save", "both", "runs/a", "runs/c")
    assert (answer.code, "of different hosts" in answer.err) == (2, True)
