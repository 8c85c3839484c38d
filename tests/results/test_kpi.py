from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from r50bench.errors import RunFailed
from r50bench.results.kpi import Kpi, accuracy_line, kpis, kpis_if_valid
from r50bench.results.record import Accuracy, Energy, Evidence, Limit, Record
from r50bench.results.samples import Samples
from support.records import case_of, record_of, samples_of_latencies


def figures(record: Record, samples: Samples | None) -> dict[str, Kpi]:
    found = kpis(record, samples)
    named = {kpi.label: kpi for kpi in found}
    assert len(named) == len(found)
    return named


def test_scripted_latencies_give_every_figure_to_the_last_digit() -> None:
    # 100 batches of 8 on each of two instances, 10 ms each, every tenth 20 ms.
    row = ([10] * 9 + [20]) * 10
    found = figures(record_of(), samples_of_latencies([row, row]))
    expected = {
        "Average Throughput (img/s)": 2 * 800 / 1.1,
        "Min Instance Throughput (img/s)": 800 / 1.1,
        "Max Instance Throughput (img/s)": 800 / 1.1,
        "Average Latency (ms)": 11,
        "Min Latency (ms)": 10,
        "Max Latency (ms)": 20,
        "P50 Latency (ms)": 10,
        "P90 Latency (ms)": 10,
        "P95 Latency (ms)": 20,
        "P99 Latency (ms)": 20,
        "Time per Image (ms)": 11 / 8,
        "Samples": 200,
        "Images": 1600,
        "Compute Utilization (%)": 100,
        "Start Skew (ms)": 0,
        "Overlap (%)": 100,
        "FLOPs per Image (GFLOP)": 7.72,
        "FLOPs (GFLOP/s)": 7.72 * 2 * 800 / 1.1,
        "Memory PSS (MiB)": 228,
        "Time to First Batch (s)": 0.6,
    }
    assert {label: kpi.value for label, kpi in found.items()} == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("mode", "label"),
    [
        ("throughput", "Average Throughput (img/s)"),
        ("latency", "Average Latency (ms)"),
        ("accuracy", "Accuracy (%)"),
    ],
)
def test_each_mode_has_one_primary_figure_and_it_comes_first(mode: str, label: str) -> None:
    samples = None if mode == "accuracy" else samples_of_latencies([[10] * 20] * 2)
    found = kpis(record_of(mode), samples)
    assert [kpi.label for kpi in found if kpi.primary] == [label]
    assert found[0].label == label


@pytest.mark.parametrize(
    ("steps", "absent"),
    [
        (4, {"P90 Latency", "P95 Latency", "P99 Latency", "P999 Latency"}),
        (10, {"P99 Latency", "P999 Latency"}),
        (50, {"P999 Latency"}),
        (500, set()),
    ],
)
def test_percentiles_that_the_samples_cannot_tell_are_absent(steps: int, absent: set[str]) -> None:
    found = kpis(record_of(), samples_of_latencies([[10] * steps] * 2))
    percentiles = {"P50 Latency", "P90 Latency", "P95 Latency", "P99 Latency", "P999 Latency"}
    assert percentiles - {kpi.name for kpi in found} == absent


def test_a_slower_instance_shows_in_its_own_figures() -> None:
    found = figures(record_of(), samples_of_latencies([[10] * 40, [20] * 20], starts_ms=[0, 5]))
    assert found["Min Instance Throughput (img/s)"].value == pytest.approx(400)
    assert found["Max Instance Throughput (img/s)"].value == pytest.approx(800)
    assert found["Start Skew (ms)"].value == pytest.approx(5)
    assert found["Overlap (%)"].value == pytest.approx(100 * 395 / 405)


def test_of_several_rounds_the_worst_skew_and_overlap_are_told() -> None:
    late = samples_of_latencies([[10] * 20] * 2, starts_ms=[0, 5])
    prompt = samples_of_latencies([[10] * 20] * 2, rounds=2)
    after = prompt.where(prompt.round == 1)
    found = figures(record_of(), Samples.joined([late, after]))
    assert found["Start Skew (ms)"].value == pytest.approx(5)
    assert found["Overlap (%)"].value == pytest.approx(100 * 195 / 205)


def test_accuracy_counts_become_percent() -> None:
    found = figures(record_of("accuracy"), None)
    assert found["Accuracy (%)"].value == 95
    assert found["Top-5 Accuracy (%)"].value == 100
    assert found["Scored Pictures"].value == 20
    assert not any("Latency" in label or "Throughput" in label for label in found)


def test_the_accuracy_line_is_mlperf_s() -> None:
    assert accuracy_line(Accuracy(20, 19, 20)) == "accuracy=95.000%, good=19, total=20"
    assert accuracy_line(Accuracy(500, 376, 400)) == "accuracy=75.200%, good=376, total=500"


def test_what_was_not_measured_is_absent() -> None:
    found = figures(record_of(model=None, workers=()), samples_of_latencies([[10] * 20] * 2))
    assert not any("FLOPs" in label or "Memory" in label or "First" in label for label in found)


LIMIT = Limit("vpdpbusd_512", 20_000, 40, 44, (0, 1), "2026-01-31T11:00:00+00:00")
COUNTED = Evidence(True, "brgconv", "int8", {}, gop_per_image=6.67)


def test_efficiency_is_what_was_executed_over_the_peak() -> None:
    row = ([10] * 9 + [20]) * 10
    found = figures(
        record_of(limit=LIMIT, evidence=COUNTED), samples_of_latencies([row, row], images=8)
    )
    rate, share = found["Average Throughput (img/s)"], found["Efficiency (%)"]
    assert share.value == pytest.approx(100 * 2 * 800 / 1.1 * 6.67 / 20_000, rel=1e-12)
    assert share.half_width is not None
    assert rate.half_width is not None
    assert share.half_width / share.value == pytest.approx(rate.half_width / rate.value)
    assert found["Executed per Image (GOP)"].value == 6.67
    assert found["Peak Compute (GOP/s)"].value == 20_000
    assert found["Peak Memory Read (GB/s)"].value == 40
    assert found["FLOPs per Image (GFLOP)"].value == 7.72


@pytest.mark.parametrize(
    "known", [{"limit": LIMIT}, {"evidence": COUNTED}, {"limit": LIMIT, "evidence": None}]
)
def test_there_is_no_efficiency_where_either_is_unknown(known: dict[str, object]) -> None:
    found = figures(record_of(**known), samples_of_latencies([[10] * 20] * 2))
    assert "Efficiency (%)" not in found


def test_an_invalid_record_has_no_figures() -> None:
    record = record_of(reason="worker 1 was killed by SIGKILL")
    with pytest.raises(RunFailed, match="worker 1 was killed by SIGKILL"):
        kpis(record, samples_of_latencies([[10] * 20] * 2))
    assert kpis_if_valid(record, None) == ()


def test_a_record_without_what_its_mode_is_about_is_refused() -> None:
    with pytest.raises(RunFailed, match="nothing to derive its Average Throughput from"):
        kpis(record_of("throughput"), None)
    with pytest.raises(RunFailed, match="nothing to derive its Accuracy from"):
        kpis(record_of("accuracy", accuracy=None), None)


def test_instances_that_never_met_have_latency_but_no_throughput() -> None:
    apart = samples_of_latencies([[10] * 20] * 2, starts_ms=[0, 200])
    with pytest.raises(RunFailed, match="never ran at the same time"):
        kpis(record_of("throughput"), apart)
    found = figures(record_of("latency"), apart)
    assert found["Average Latency (ms)"].value == 10
    assert "Average Throughput (img/s)" not in found
    assert "Overlap (%)" not in found


def test_intervals_scale_with_their_figures() -> None:
    row = [10, 11, 12, 10, 11, 13, 10, 12, 11, 10] * 3
    case = case_of(batch_size=4)
    found = figures(record_of(case=case), samples_of_latencies([row, row], images=4))
    latency, per_image = found["Average Latency (ms)"], found["Time per Image (ms)"]
    assert latency.half_width is not None
    assert per_image.half_width == pytest.approx(latency.half_width / 4)
    rate, flops = found["Average Throughput (img/s)"], found["FLOPs (GFLOP/s)"]
    assert rate.half_width is not None
    assert flops.half_width == pytest.approx(rate.half_width * 7.72)


def drawing(drawn_j: tuple[float, ...], **changes: Any) -> dict[str, Kpi]:
    """Figures of rounds of 2 s in which two instances took 100 batches of 8 each."""
    rounds = len(drawn_j)
    measured = Energy("RAPL package-0", drawn_j, (2.0,) * rounds, 10.0)
    samples = samples_of_latencies([[10] * 100] * 2, rounds=rounds)
    return figures(record_of(energy=replace(measured, **changes)), samples)


def test_what_an_image_draws_is_told_with_and_without_what_is_drawn_at_rest() -> None:
    found = drawing((160.0, 320.0, 240.0))
    assert found["Energy (J)"].value == 720
    per_image = found["Energy per Image (J)"]
    assert per_image.value == pytest.approx(0.15)
    # Student's t for three rounds of 0.1, 0.2 and 0.15 J.
    assert per_image.half_width == pytest.approx(4.3027 * 0.05 / 3**0.5, rel=1e-4)
    assert found["Energy per Image above Idle (J)"].value == pytest.approx(0.15 - 20 / 1600)


def test_without_a_reading_at_rest_nothing_is_subtracted() -> None:
    found = drawing((160.0,), idle_w=None)
    assert "Energy per Image (J)" in found
    assert "Energy per Image above Idle (J)" not in found
    # Something else had its pause meanwhile: less was drawn than at rest.
    assert "Energy per Image above Idle (J)" not in drawing((160.0,), idle_w=100.0)


@pytest.mark.parametrize(
    "changes",
    [{"rounds_s": (0.05, 2.0)}, {"rounds_j": (0.0, 160.0)}, {"rounds_j": (160.0,)}],
    ids=["a round too short for the counters", "a counter that stood still", "other samples"],
)
def test_energy_that_cannot_be_told_by_image_is_absent(changes: dict[str, Any]) -> None:
    assert not any("Energy" in label for label in drawing((160.0, 160.0), **changes))


def test_figures_are_told_apart_where_their_intervals_are_and_single_processes_by_3_per_cent():
    def figure(value, half=None, name="Average Throughput"):
        ends = (None, None) if half is None else (value - half, value + half)
        return Kpi(name, "img/s", value, *ends)

    assert figure(100.0, 1.0).told_apart(figure(110.0, 1.0))
    assert not figure(100.0, 6.0).told_apart(figure(110.0, 6.0))
    assert not figure(100.0).told_apart(figure(110.0, 1.0))
    assert not figure(100.0, 0.1).told_apart(figure(102.0, 0.1))
    assert figure(100.0, 0.1).told_apart(figure(102.0, 0.1), of_processes=True)
    assert figure(95.0, name="Accuracy").told_apart(figure(95.2, name="Accuracy"))
    assert not figure(95.0, name="Accuracy").told_apart(figure(95.0, name="Accuracy"))
