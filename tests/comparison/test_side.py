"""One side of a comparison: what is taken, left out and refused."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.comparison.side import MeasuredRun, read_run, read_runs_file, runs_as_data, side_of
from r50bench.errors import UsageError
from r50bench.results.record import write_record
from support import records
from support.measured_runs import run_of

INVALID = MeasuredRun(records.record_of(reason="a worker died"), ())


def test_invalid_runs_are_left_out_and_said() -> None:
    good = run_of(10)
    side = side_of("mine", [good, INVALID, good])
    assert side.runs == (good,)
    assert [notice.code for notice in side.notices] == ["invalid-left-out"]
    assert "1 invalid run left out" in side.notices[0].text


def test_runs_during_which_others_had_the_cpus_are_said() -> None:
    disturbed = run_of(10, lost_cpu_share=0.2)
    (notice,) = side_of("mine", [disturbed, run_of(10)]).notices
    assert (notice.code, "during 1 of 2 runs" in notice.text) == ("disturbed", True)


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        ([], "mine: no run is meant"),
        ([INVALID], "is invalid and has no figures: a worker died"),
        ([INVALID, replace(INVALID, record=replace(INVALID.record, id="b"))], "all 2 runs are"),
        ([run_of(10), run_of(10, host="b" * 16)], "mixes runs of different hosts"),
    ],
)
def test_an_empty_side_and_mixed_hosts_are_refused(runs: list[MeasuredRun], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        side_of("mine", runs)


def test_runs_survive_a_file_whole(tmp_path: Path) -> None:
    runs = [run_of(10, half_width=0.5), INVALID]
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(runs_as_data(runs)))
    assert read_runs_file(path) == runs


def test_a_record_in_a_folder_brings_its_figures(tmp_path: Path) -> None:
    record = records.record_of("accuracy", samples_sha256=None)
    write_record(record, tmp_path)
    run = read_run(tmp_path)
    assert (run.record, run.primary.value) == (record, 95.0)


NEWER = runs_as_data([run_of(1)])[0] | {"schema_version": 999}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ('{"a":' * 100_000, "is no JSON"),
        ('"words"', "it holds no runs"),
        ('[{"record": "x", "settings": {}}]', "it holds no runs"),
        (json.dumps(NEWER), "it follows schema 999, this r50bench knows up to"),
        (json.dumps(runs_as_data([run_of(1)])[0] | {"kpis": []}), "has no primary figure"),
        (json.dumps(runs_as_data([run_of(1)])[0] | {"kpis": [{}]}), "figures of"),
    ],
)
def test_files_that_hold_no_runs_are_refused_by_name(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=why) as raised:
        read_runs_file(path)
    assert raised.value.message.startswith(str(path))
    assert raised.value.hint


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_runs_file(tmp_path / "gone.json")
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(UsageError, match=r"pipe\.json is no regular file"):
        read_runs_file(tmp_path / "pipe.json")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match=r"large\.json has 1,099,511,627,776 bytes"):
        read_runs_file(tmp_path / "large.json")


def test_a_file_that_powershell_wrote_is_read(tmp_path: Path) -> None:
    runs, path = [run_of(10)], tmp_path / "runs.json"
    path.write_text(json.dumps(runs_as_data(runs)), encoding="utf-16")
    assert read_runs_file(path) == runs


def test_no_text_of_a_file_moves_the_cursor(tmp_path: Path) -> None:
    path, data = tmp_path / "runs.json", runs_as_data([run_of(10)])
    path.write_text(json.dumps([data[0] | {"reason": "\x1b[2J"}]))
    assert read_runs_file(path)[0].record.reason == "\\x1b[2J"
