"""The distribution of latencies: percentiles by rank, as the KPIs have them."""

from __future__ import annotations

from pathlib import Path

from r50bench.report.records_page.latency_ecdf import latency_ecdf_svg
from r50bench.report.records_page.shown import Shown, labelled
from r50bench.results.kpi import P50_LATENCY, P90_LATENCY, P99_LATENCY
from support.records import record_of, samples_of_latencies


def picture_of(*latencies_ms: float) -> tuple[str, Shown]:
    one = Shown.of(record_of("latency"), samples_of_latencies([latencies_ms], images=1), Path())
    return latency_ecdf_svg(labelled([one])), one


def test_the_marks_are_the_percentiles_of_the_kpi_block() -> None:
    picture, one = picture_of(*(float(value) for value in range(1, 201)))
    for name, percent in ((P50_LATENCY, 50), (P90_LATENCY, 90), (P99_LATENCY, 99)):
        value = one.figures[name].value
        assert f"p{percent} {value:.4g}" in picture.replace("100.0", "100").replace(".0 ms", " ms")


def test_a_percentile_that_too_few_batches_support_has_no_mark() -> None:
    picture, _ = picture_of(*[10.0] * 20)
    assert "p90" in picture
    assert "p99" not in picture


def test_latencies_that_are_all_the_same_make_a_picture() -> None:
    picture, _ = picture_of(*[10.0] * 200)
    assert "nan" not in picture
    assert "p50 10.00 ms of 200 batches" in picture
