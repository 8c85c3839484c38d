"""The tables, the data and the picture of a sweep."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.planning.effective_case import EffectiveCase
from r50bench.report.scatter import Mark, Scatter, scatter_svg
from r50bench.sweep.page import sweep_page
from r50bench.sweep.plan import SweepPoint
from r50bench.sweep.results import PointResult, point_result
from r50bench.sweep.text import live_row, sweep_as_data, sweep_csv, sweep_text
from support.records import case_of, record_of, samples_of_latencies


def point(
    batch: int, latency_ms: float, *, mode: str = "throughput", passes: int = 1, **changes: object
) -> PointResult:
    """Returns a measured point of one instance whose batches all take ``latency_ms``."""
    case = replace(case_of(mode, batch_size=batch, instances=1), **changes)  # type: ignore[arg-type]
    effective = EffectiveCase(case, (), {})
    planned = SweepPoint(case.name, (("BATCH_SIZE", str(batch)),), effective)
    record = replace(record_of(case=case), case=case)
    samples = samples_of_latencies([[latency_ms] * 10], images=batch)
    runs = [(record, samples, Path(f"run-{number}")) for number in range(passes)]
    return point_result(planned, runs)


def refused(batch: int) -> PointResult:
    name, why = "inference_throughput_avx_int8", "does not fit"
    return PointResult(SweepPoint(name, (("BATCH_SIZE", str(batch)),), None, why), reason=why)


def rows_below(text: str, title: str) -> list[list[str]]:
    """Returns the cells of the table that follows the line ``title``."""
    lines = text.splitlines()
    table = lines[lines.index(title) + 3 :]
    found = []
    for line in table:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


RESULTS = [point(1, 5), point(8, 20), point(16, 50), refused(99)]


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


def test_the_page_stands_alone_and_names_every_point() -> None:
    page = sweep_page(RESULTS, 1)
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in page
    assert page.count("<title>") == 1 + 3  # the page's own, and a tooltip for each point
    assert "avx_int8, batch 8, 1 × 1 core: 400.0 ± 0 img/s" in page


def test_a_page_without_any_figure_is_a_page() -> None:
    assert "<svg" not in sweep_page([refused(1)], 1)


def test_a_picture_is_well_formed_and_keeps_its_points_inside() -> None:
    marks = [
        Mark("a <b>", x, y, f"{x}", f"x & {y}", x < 10, y * 0.9, y * 1.1)
        for x, y in ((0.5, 1.0), (9.0, 5.0), (400.0, 4.0))
    ]
    plot = Scatter('"so" & on', "k", "x", "y", tuple(marks))
    root = ET.fromstring(scatter_svg(plot))
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    circles = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == len(marks) + 1  # and one in the legend
    for circle in circles:
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height


def test_one_point_is_a_picture_too() -> None:
    root = ET.fromstring(
        scatter_svg(Scatter("t", "k", "x", "y", (Mark("a", 3, 0, "l", "t", True),)))
    )
    assert root.tag.endswith("svg")
