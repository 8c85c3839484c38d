"""Which runs are processes of one case, and what tells the others apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.report.records_page import Shown
from r50bench.report.records_page.grouped import grouped
from r50bench.results.kpi import P99_LATENCY, THROUGHPUT
from r50bench.results.record import Record
from support.records import case_of, record_of, samples_of_latencies

RECORD = record_of()


def shown(record: Record, latency_ms: float = 10.0, steps: int = 200) -> Shown:
    return Shown.of(record, samples_of_latencies([[latency_ms] * steps] * 2), Path("run"))


def test_runs_that_differ_only_in_how_long_they_were_measured_are_processes_of_one_case() -> None:
    longer = record_of(case=case_of(steps=500, seed=7))
    (one,) = grouped([shown(RECORD), shown(longer)])
    assert one.over == " over 2 processes"
    assert one.name == "avx_int8 on torch, batch 8, 2 × 1 core"


@pytest.mark.parametrize(
    ("other", "beside"),
    [
        (record_of(case=case_of(customer_env=(("A", "1 2"),))), ", CUSTOMER_ENV=A='1 2'"),
        (record_of(case=case_of(case_type="gated")), ", CASE_TYPE=gated"),
        (replace(RECORD, engine=replace(RECORD.engine, version="2.9.0")), ", 2.9.0"),
        (replace(RECORD, host={**RECORD.host, "model_name": "Xeon"}), ", on Xeon"),
        (replace(RECORD, host={**RECORD.host, "fingerprint": "abcdef01"}), ", on host abcdef"),
    ],
)
def test_what_makes_other_figures_is_another_case_and_is_said(other: Record, beside: str) -> None:
    _, another = grouped([shown(RECORD), shown(other)])
    assert another.beside == beside


def test_the_interval_of_processes_is_that_of_their_spread() -> None:
    (one,) = grouped([shown(RECORD, took) for took in (10.0, 10.0, 8.0)])
    figure = one.figure(THROUGHPUT)
    assert figure is not None
    assert figure.value == pytest.approx((1600 * 1600 * 2000) ** (1 / 3))
    assert figure.low < 1600
    assert figure.high > 2000


def test_a_figure_that_one_process_lacks_is_none_of_the_case() -> None:
    (one,) = grouped([shown(RECORD, steps=2000), shown(RECORD, steps=10)])
    assert one.figure(THROUGHPUT) is not None
    assert one.figure(P99_LATENCY) is None
