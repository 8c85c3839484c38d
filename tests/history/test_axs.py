"""Entries of axs, of its form; all values are made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from r50bench.history.axs import read_axs_entries
from r50bench.results.foreign import ForeignFigure

ASKED = {
    "tags": ["loadgen_output", "classified_imagenet"],
    "framework": "pytorch",
    "loadgen_mode": "PerformanceOnly",
    "loadgen_scenario": "Offline",
    "loadgen_dataset_size": 500,
    "loadgen_target_qps": 169,
    "return_saved_record": True,
}


def write_entry(folder: Path, detail: dict[str, Any], summary: str = "", **asked: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "data_axs.json").write_text(json.dumps(ASKED | asked))
    if detail:
        lines = [f":::MLLOG {json.dumps({'key': k, 'value': v})}\n" for k, v in detail.items()]
        (folder / "mlperf_log_detail.txt").write_text("".join(["noise\n", *lines, ":::MLLOG {cut"]))
    if summary:
        (folder / "mlperf_log_summary.txt").write_text(summary)
    return folder


@pytest.mark.parametrize(
    ("scenario", "detail", "figure"),
    [
        (
            "Offline",
            {"result_samples_per_second": 171.966, "result_90.00_percentile_latency_ns": 7},
            ForeignFigure("Samples per second", "samples/s", 171.966),
        ),
        (
            "SingleStream",  # of a LoadGen that estimates nothing yet
            {"result_90.00_percentile_latency_ns": 6123339},
            ForeignFigure("90th percentile latency", "ns", 6123339.0),
        ),
        (
            "Server",
            {"result_completed_samples_per_sec": 99.5},
            ForeignFigure("Completed samples per second", "samples/s", 99.5),
        ),
    ],
)
def test_performance_is_loadgen_s_result_of_the_scenario(
    tmp_path: Path, scenario: str, detail: dict[str, Any], figure: ForeignFigure
) -> None:
    begun = {"power_begin": "05-01-2024 10:11:17.803", "result_validity": "VALID"}
    write_entry(tmp_path / "entry", begun | detail, loadgen_scenario=scenario)
    (run,), refused = read_axs_entries(tmp_path)
    assert refused == []
    assert (run.figures, run.passed) == ((figure,), True)
    assert run.created == "2024-05-01T10:11:17"
    assert run.name == f"mlperf_{scenario}_PerformanceOnly_pytorch"
    assert run.settings["loadgen_dataset_size"] == "500"
    assert "return_saved_record" not in run.settings


def test_the_result_of_a_stream_is_the_estimate_and_what_was_measured_stands_beside_it(
    tmp_path: Path,
) -> None:
    detail = {
        "result_99.00_percentile_per_query_latency_ns": 7_000_000,
        "early_stopping_latency_ms": 7_100_000,
    }
    write_entry(tmp_path / "a", detail, loadgen_scenario="MultiStream")
    summary = (
        "90.0th percentile latency (ns) : 25114400\nResult is : VALID\n"
        " * Early stopping 90.0th percentile estimate: 25218600\n"
    )
    write_entry(tmp_path / "b", {}, summary, loadgen_scenario="SingleStream")
    (multi, single), _ = read_axs_entries(tmp_path)
    assert [one.value for one in multi.figures] == [7_100_000, 7_000_000]
    assert [(one.name, one.value) for one in single.figures] == [
        ("Early stopping 90th percentile estimate", 25218600),
        ("90th percentile latency", 25114400),
    ]


def test_the_summary_serves_where_there_is_no_detailed_log(tmp_path: Path) -> None:
    summary = "Scenario : Offline\nSamples per second: 171.966\nResult is : VALID\n"
    write_entry(tmp_path / "a", {}, summary)
    latency = "90th percentile latency (ns) : 6123339\nResult is : INVALID\n"
    write_entry(tmp_path / "b", {}, latency, loadgen_scenario="SingleStream")
    (offline, single), _ = read_axs_entries(tmp_path)
    assert (offline.figures[0].value, offline.passed) == (171.966, True)
    assert (single.figures[0].value, single.passed) == (6123339, False)


@pytest.mark.parametrize("number", ["1.2.3", ".", "9" * 400])
def test_what_is_no_number_is_no_figure(tmp_path: Path, number: str) -> None:
    folder = write_entry(tmp_path / "entry", {}, f"Samples per second: {number}\n")
    (folder / "accuracy.txt").write_text(f"accuracy={number}%, good=1, total=2\n")
    ((run,), _) = read_axs_entries(tmp_path)
    assert run.figures == ()


@pytest.mark.parametrize("where", ["entry", "file"])
def test_accuracy_is_read_from_its_text(tmp_path: Path, where: str) -> None:
    text = "accuracy=75.200%, good=376, total=500"
    asked = {"loadgen_mode": "AccuracyOnly"}
    if where == "entry":
        write_entry(tmp_path / "entry", {}, accuracy_report=text, **asked)
    else:
        folder = write_entry(tmp_path / "entry", {}, **asked)
        (folder / "accuracy.txt").write_text(text + "\n")
    ((run,), _) = read_axs_entries(tmp_path)
    assert run.figures == (ForeignFigure("Accuracy", "%", 75.2),)
    assert run.mode == "accuracy"


def test_an_entry_without_a_figure_did_not_pass(tmp_path: Path) -> None:
    write_entry(tmp_path / "entry", {})
    ((run,), _) = read_axs_entries(tmp_path)
    assert (run.passed, run.figures, run.created) == (False, (), "")


def test_other_entries_are_passed_over_and_damaged_ones_named(tmp_path: Path) -> None:
    write_entry(tmp_path / "dataset", {}, tags=["imagenet"])
    write_entry(tmp_path / "run", {"result_samples_per_second": 1.5})
    damaged = {"cut": '{"tags": [', "deep": f'{{"tags": {"[" * 100_000}', "list": "[]"}
    for name, text in damaged.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "data_axs.json").write_text(text)
    runs, refused = read_axs_entries(tmp_path)
    assert len(runs) == 1
    assert [Path(what).parent.name for what, _ in refused] == list(damaged)
    assert all("no entry of axs" in why for _, why in refused)


def test_a_line_of_the_detailed_log_that_is_nested_too_deep_is_passed_over(tmp_path: Path) -> None:
    folder = write_entry(tmp_path / "run", {"result_samples_per_second": 1.5})
    detail = folder / "mlperf_log_detail.txt"
    detail.write_text(f':::MLLOG {{"key": {"[" * 100_000}\n{detail.read_text()}')
    ((run,), refused) = read_axs_entries(tmp_path)
    assert (run.figures[0].value, refused) == (1.5, [])
