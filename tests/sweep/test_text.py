"""The tables, the data and the picture of a sweep."""

from __future__ import annotations

import csv
import re
from dataclasses import replace

import pytest

from r50bench.sweep.results import PointResult
from r50bench.sweep.text import live_row, sweep_as_data, sweep_csv, sweep_text
from support.sweep_points import RESULTS, point, refused


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


def test_the_99th_percentile_has_a_column_where_any_point_has_one() -> None:
    assert "p99" not in sweep_text(RESULTS, 1)
    assert "p99 ms" in sweep_text([point(1, 5, steps=2000), refused(99)], 1)


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
    assert (
        float(rows[1]["Average Throughput (img/s)"])
        == RESULTS[1].figures["Average Throughput"].value
    )
    assert rows[3]["BATCH_SIZE"] == "99"
    assert rows[3]["Average Throughput (img/s)"] == ""


def test_the_data_numbers_the_best_and_the_front() -> None:
    data = sweep_as_data(RESULTS)
    assert data["best_per_precision"] == [1]
    assert data["best_per_batch_size"] == [0, 1, 2]
    assert data["pareto_fronts"] == [
        {"mode": "throughput", "precision": "avx_int8", "points": [0, 1], "cannot_tell_apart": []}
    ]


def cores(number: int, latency_ms: float, **changes: object) -> PointResult:
    return point(8, latency_ms, cores_per_instance=number, **changes)


def test_a_best_that_the_noise_does_not_tell_from_others_names_them() -> None:
    near = [cores(1, 20, jitter_ms=2), cores(2, 20.1, jitter_ms=2), cores(3, 40, jitter_ms=2)]
    text = sweep_text(near, 1)
    assert "cannot tell apart from" in text
    assert rows_below(text, "best per precision (img/s, the most)")[-1][-1] == "8/2"
    data = sweep_as_data(near)
    assert data["best_per_precision"] == [0]
    assert data["cannot_tell_apart"] == {"best_per_precision": [[1]], "best_per_batch_size": [[1]]}


def test_the_best_and_what_may_be_as_good_fit_a_terminal_of_80_columns() -> None:
    near = [cores(number, 20 + number / 100, jitter_ms=2) for number in range(1, 4)]
    set_too = (("CUSTOMER_ENV", "A=1"), ("WEIGHT_SHARING", "yes"), ("FORCE_WEIGHT_SHARING", "1"))
    near = [replace(one, point=replace(one.point, assignment=set_too)) for one in near]
    text = sweep_text(near, 1, 80)
    table = text[text.index("best per precision") :].split("\n\n")[0]
    assert "8/2" in table
    assert max(map(len, table.splitlines())) <= 80


def test_a_best_beyond_the_noise_stands_alone() -> None:
    text = sweep_text([cores(1, 20, jitter_ms=0.1), cores(2, 21, jitter_ms=0.1)], 1)
    assert "cannot tell apart" not in text
    assert sweep_as_data(RESULTS)["cannot_tell_apart"] == {
        "best_per_precision": [[]],
        "best_per_batch_size": [[], [], []],
    }


def test_two_single_processes_must_be_three_per_cent_apart_and_three_passes_each_need_not() -> None:
    once = [cores(1, 20), cores(2, 20.5)]
    assert sweep_as_data(once)["cannot_tell_apart"]["best_per_precision"] == [[1]]
    thrice = [cores(1, 20, passes=3), cores(2, 20.5, passes=3)]
    assert sweep_as_data(thrice)["cannot_tell_apart"]["best_per_precision"] == [[]]


def test_without_an_interval_nothing_is_told_apart_and_the_mend_is_said() -> None:
    few = [cores(1, 20, steps=4), cores(2, 30, steps=4), cores(3, 60)]
    text = sweep_text(few, 1)
    assert "400.0 ± ?" in text
    assert rows_below(text, "best per precision (img/s, the most)")[-1][-1] == "8/2, 8/3"
    assert "and 1 more: too few batches for an interval (± ?)" in text
    assert "--repeat 3" in text
    assert sweep_as_data(few)["cannot_tell_apart"]["best_per_precision"] == [[1, 2]]


def test_points_that_the_front_does_not_beat_beyond_the_noise_stand_in_its_title() -> None:
    some = [cores(1, 20, jitter_ms=2), cores(2, 20.1, jitter_ms=2), cores(3, 40, jitter_ms=2)]
    title = "Pareto front of avx_int8 (cannot tell apart from it, BS/CPI: 8/2)"
    assert title in sweep_text(some, 1)
    (front,) = sweep_as_data(some)["pareto_fronts"]
    assert (front["points"], front["cannot_tell_apart"]) == ([0], [1])
