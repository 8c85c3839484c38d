"""The verbs that read records, given those of a former r50bench."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.cli.replay_plan import plan_replay
from r50bench.results.history import History, history_path
from r50bench.results.record import read_record
from support import synthetic_hosts
from support.command_line import Call
from support.former_records import FORMER, former_folders


def found(call: Call, query: str) -> list[str]:
    answer = call("find", "--json", query)
    assert answer.code == 0, answer.err
    return [one["id"][-6:] for one in json.loads(answer.out)]


def test_kpi_shows_the_figures(r50bench_here: Call) -> None:
    answer = r50bench_here("kpi", str(FORMER / "runs"), str(FORMER / "sweep"))
    assert answer.code == 5, answer.err  # one of them is invalid
    assert "## CASE_TYPE: gated" in answer.out
    assert "## ENGINE: r50" in answer.out


def test_find_finds_them_by_old_words_and_new(r50bench_here: Call) -> None:
    with History(history_path()) as history:
        for folder in former_folders():
            history.add(read_record(folder), folder)
    assert found(r50bench_here, "case_type=gated") == ["7ac73b"]
    assert found(r50bench_here, "profile=gated") == ["7ac73b"]
    assert found(r50bench_here, "loadgen_scenario=SingleStream") == ["d3e9a9"]


@pytest.mark.parametrize("pattern", ["runs/*75bca5", "runs/*4be025", "mlperf/*1382c6"])
def test_replay_plans_the_very_case_again(pattern: str) -> None:
    record = read_record(next(FORMER.glob(pattern)))
    planned = plan_replay(record, synthetic_hosts.spr_two_sockets())
    assert planned.case == replace(record.case, weights="v1")


def test_a_sweep_of_another_host_is_told_from_a_damaged_one(r50bench_fake: Call) -> None:
    answer = r50bench_fake("sweep", "--resume", str(FORMER / "sweep"))
    assert answer.code == 2, answer.err
    assert "another host" in answer.err


def test_submit_lays_them_out(r50bench_here: Call, tmp_path: Path) -> None:
    folders = [next((FORMER / "mlperf").glob(name)) for name in ("*1382c6", "*54d9aa")]
    out = tmp_path / "tree"
    answer = r50bench_here(
        "submit", *map(str, folders), "--submitter", "Org", "--division", "open",
        "--version", "v5.1", "--out", str(out),
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "NOT COMPLIANT" in answer.out
    assert "194.478 samples/s" in answer.out
