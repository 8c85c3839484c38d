"""``r50bench compare``."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from r50bench.results.history import History, history_path
from r50bench.results.kpi import Kpi
from support.command_line import Call
from support.measured_runs import leave


@pytest.fixture
def sides(r50bench_here: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Two runs each of 2 ms a batch (base), of 2.2 ms (slow), and of 2 and 3 ms (noisy)."""
    monkeypatch.chdir(tmp_path)
    for folder, latencies in (("base", (2.0, 2.0)), ("slow", (2.2, 2.2)), ("noisy", (2.0, 3.0))):
        for latency in latencies:
            record = leave(tmp_path / folder, latency)
            with History(history_path()) as history:
                history.add(record, tmp_path / folder / record.id, [_throughput(latency)])
    return r50bench_here


def _throughput(latency_ms: float) -> Kpi:
    return Kpi("Average Throughput", "img/s", 16_000 / latency_ms, primary=True)


def test_exit_codes_say_what_the_table_says(sides: Call) -> None:
    same = sides("compare", "base", "base")
    assert same.code == 0, same.err
    assert "same within ±2 %" in same.out
    slow = sides("compare", "base", "slow")
    assert slow.code == 3
    assert "slower: inference_throughput" in slow.err
    assert "0.909" in slow.out
    faster = sides("compare", "slow", "base")
    assert (faster.code, "faster" in faster.out) == (0, True)
    noisy = sides("compare", "base", "noisy")
    assert (noisy.code, "too noisy to say" in noisy.err) == (4, True)
    assert sides("compare", "base", "slow", "--threshold", "20%").code == 0


def test_json_and_markdown_are_printed_whatever_the_verdict(sides: Call) -> None:
    answer = sides("compare", "base", "slow", "--json")
    (case,) = json.loads(answer.out)["cases"]
    assert (case["verdict"], case["processes"], answer.code) == ("slower", [2, 2], 3)
    assert case["values"] == [[8000, 8000], pytest.approx([16_000 / 2.2] * 2)]
    assert sides("compare", "base", "slow", "--format", "json").out == answer.out
    text = sides("compare", "base", "slow", "--format", "markdown").out
    assert text.startswith("**1 slower**")


def test_what_nobody_looked_at_cannot_be_judged_by_undisturbed_batches(sides: Call) -> None:
    answer = sides("compare", "base", "slow", "--undisturbed")
    assert answer.code == 4
    assert "0 of 2 processes had enough undisturbed batches, as nothing looked" in answer.out
    assert "without --undisturbed it goes by what was experienced" in answer.err


def test_a_baseline_and_a_query_of_the_history_are_sides(sides: Call, tmp_path: Path) -> None:
    assert sides("baseline", "save", "before", "base").code == 0
    for folder in (tmp_path / "base").iterdir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    answer = sides("compare", "before", "performance<7500,performance>7000")
    assert answer.code == 3, answer.err
    assert "new:  performance<7500,performance>7000" in answer.out


def test_single_runs_lean_on_the_history_of_this_host(sides: Call, tmp_path: Path) -> None:
    with History(history_path()) as history:
        for latency in (2.0, 2.1, 2.0, 2.1, 2.0):
            record = leave(tmp_path / "earlier", latency)
            history.add(record, tmp_path / "earlier" / record.id, [_throughput(latency)])
    base, slow = (next((tmp_path / folder).iterdir()) for folder in ("base", "slow"))
    answer = sides("compare", str(base), str(slow))
    assert "too noisy to say" in answer.out
    assert "widened by the spread between runs that this host's history has" in answer.out


def test_records_of_a_query_that_are_gone_are_named(sides: Call, tmp_path: Path) -> None:
    gone = sorted((tmp_path / "slow").iterdir())[0]
    shutil.rmtree(gone)
    answer = sides("compare", "base", "performance<7500,performance>7000")
    assert "2 / 1" in answer.out
    assert f"1 left out, gone or damaged: {gone}" in answer.err


def test_a_page_is_left_whose_place_is_said_to_people_alone(sides: Call, tmp_path: Path) -> None:
    answer = sides("compare", "base", "slow", "--out", "pages")
    (page,) = (tmp_path / "pages").glob("*_compare_*.html")
    assert f"# page: pages/{page.name}\n" in answer.out
    assert "inference_throughput_avx_int8: slower" in page.read_text()
    answer = sides("compare", "base", "slow", "--out", "pages", "--format", "markdown")
    assert "# page" not in answer.out
    assert len(list((tmp_path / "pages").iterdir())) == 2


def test_a_page_that_cannot_be_left_changes_no_verdict(sides: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = sides("compare", "base", "slow", "--out", "file/pages")
    assert (answer.code, "slower" in answer.out) == (3, True)
    assert "file/pages" in answer.err


def test_sides_that_may_not_be_compared_exit_2_with_the_reason(sides: Call, tmp_path: Path) -> None:
    leave(tmp_path / "latency", 2.0, mode="latency")
    answer = sides("compare", "base", "latency")
    assert (answer.code, "one measures throughput, the other latency" in answer.err) == (2, True)
    assert sides("compare", "base", "nowhere").code == 2
    answer = sides("compare", "base", "slow", "--threshold", "200%")
    assert (answer.code, answer.out) == (2, "")


def test_two_folders_are_compared_within_a_second(sides: Call) -> None:
    began = time.process_time()  # whatever else the machine does
    assert sides("compare", "base", "slow").code == 3
    assert time.process_time() - began < 1
