"""The tables, the data and the picture of a sweep."""

from __future__ import annotations

import csv
import re

import pytest

from r50bench.sweep.results import PointResult
from r50bench.sweep.text import live_row, sweep_as_data, sweep_csv, sweep_text
from support.sweep_points import RESULTS, point


def rows_below(text: str, title: str) -> list[list[str]]:
    """Returns the cells of the table that follows the line ``title``."""
    lines = text.splitlines()
    table = lines[lines.index(title) + 3 :]
    found = []
    for line in table:
        if not line:
            break
        found.append(re.split(r"\s{2,}", line.strip()))
    return found


def test_the_summary_has_the_original_workloads_columns_and_the_best_values() -> None:
    text = sweep_text(RESULTS, 1)
    assert rows_below(text, "best per precision (img/s, the most)") == [
        ["avx_int8", "8", "1", "TURIN", "400.0"]
    ]
    assert rows_below(text, "best per batch size (img/s, the most)") == [
        ["avx_int8", "1", "1", "TURIN", "200.0"],
        ["avx_int8", "8", "1", "TURIN", "400.0"],
        ["avx_int8", "16", "1", "TURIN", "320.0"],
    ]
    assert rows_below(text, "Pareto front of avx_int8") == [
        ["1", "1", "5.000", "200.0"],
        ["8", "1", "20.00", "400.0"],
    ]


def test_a_point_that_cannot_run_is_a_row_and_its_reason_is_below() -> None:
    text = sweep_text(RESULTS, 1)
    assert "throughput: 3 of 4 points" in text
    assert [row for row in text.splitlines() if "cannot run" in row and "99" in row]
    assert "! inference_throughput_avx_int8 BATCH_SIZE=99: does not fit" in text


def test_latencies_of_different_batch_sizes_are_not_ranked() -> None:
    text = sweep_text([point(1, 5, mode="latency"), point(2, 4, mode="latency")], 1)
    assert "best per precision" not in text
    assert len(rows_below(text, "best per batch size (ms, the least)")) == 2


def test_what_is_not_measured_yet_says_so() -> None:
    waiting = PointResult(RESULTS[0].point)
    assert "not yet" in sweep_text([waiting], 1)
    assert sweep_as_data([waiting])["points"][0]["status"] == "missing"


def test_passes_are_rounds_of_one_figure() -> None:
    thrice = point(8, 20, passes=3)
    assert thrice.runs == 3
    assert thrice.figures["Samples"].value == 30
    assert thrice.figures["Average Throughput"].value == pytest.approx(400)
    assert live_row(thrice, 3).endswith("pass 3 of 3")


def test_the_csv_has_a_row_per_point_and_every_digit() -> None:
    rows = list(csv.DictReader(sweep_csv(RESULTS).splitlines()))
    assert [row["status"] for row in rows] == ["measured", "measured", "measured", "refused"]
    assert float(rows[1]["Average Throughput"]) == RESULTS[1].figures["Average Throughput"].value
    assert rows[3]["BATCH_SIZE"] == "99"
    assert rows[3]["Average Throughput"] == ""


def test_the_data_numbers_the_best_and_the_front() -> None:
    data = sweep_as_data(RESULTS)
    assert data["best_per_precision"] == [1]
    assert data["best_per_batch_size"] == [0, 1, 2]
    assert data["pareto_fronts"] == [
        {"mode": "throughput", "precision": "avx_int8", "points": [0, 1]}
    ]
