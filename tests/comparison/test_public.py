"""Comparing from Python."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import r50bench
from r50bench.comparison.baseline import baselines_here
from r50bench.comparison.side import read_run
from r50bench.errors import UsageError
from r50bench.results.history import History, history_path
from r50bench.results.kpi import Kpi
from support.measured_runs import leave, run_of


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R50BENCH_DATA", str(tmp_path / "data"))


def test_records_folders_and_baselines_are_sides(tmp_path: Path) -> None:
    for folder, latency in (("base", 2.0), ("new", 2.2)):
        for _ in range(3):
            leave(tmp_path / folder, latency)
    records = [r50bench.read(folder) for folder in sorted((tmp_path / "new").iterdir())]
    baselines_here().save("main", [read_run(one) for one in (tmp_path / "base").iterdir()])
    for base in (tmp_path / "base", str(tmp_path / "base"), "main"):
        found = r50bench.compare(base, records)
        assert isinstance(found, r50bench.Comparison)
        (case,) = found.cases
        assert isinstance(case, r50bench.CaseComparison)
        assert (case.verdict, case.processes) == ("slower", (3, 3))
        assert case.ratio.value == pytest.approx(1 / 1.1)
    assert r50bench.compare("main", records, threshold=0.2).cases[0].verdict == "same"
    (tmp_path / "new" / "page.html").write_text("<!doctype html>")
    named = r50bench.compare("main", sorted((tmp_path / "new").iterdir()))
    assert named.cases[0].processes == (3, 3)
    alone = r50bench.compare("main", records, undisturbed=True)
    assert (alone.judged, alone.cases[0].basis) == ("undisturbed", "disturbed")


def test_single_records_lean_on_the_history(tmp_path: Path) -> None:
    base, new = leave(tmp_path / "base", 2.0), leave(tmp_path / "new", 2.2)
    assert base.id != new.id
    alone = r50bench.compare(tmp_path / "base", r50bench.read(next((tmp_path / "new").iterdir())))
    assert [(case.basis, case.verdict) for case in alone.cases] == [("rounds", "too noisy")]
    with History(history_path()) as history:
        for step in (0.0, 0.001, 0.0, 0.001, 0.0, 0.001):
            record = run_of(1).record
            figure = Kpi("Average Throughput", "img/s", math.exp(step), primary=True)
            history.add(record, tmp_path / record.id, [figure])
    widened = r50bench.compare(tmp_path / "base", tmp_path / "new")
    assert [(case.basis, case.verdict) for case in widened.cases] == [("history", "slower")]


def test_what_is_no_side_is_refused(tmp_path: Path) -> None:
    leave(tmp_path / "base", 2.0)
    with pytest.raises(UsageError, match="no run is meant"):
        r50bench.compare(tmp_path / "base", [])
    with pytest.raises(UsageError, match="a query, which only the command line answers"):
        r50bench.compare(tmp_path / "base", "mode=throughput")
