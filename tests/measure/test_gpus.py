"""The watch over GPUs: states around rounds, energy, and what slowed them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from r50bench.case import Placement, Slot
from r50bench.host.topology import Gpu, GpuState
from r50bench.measure import gpus as module
from r50bench.measure.gpus import GpuWatch, gpus_of
from r50bench.report.kpi_block import block_text, kpi_block
from r50bench.results.kpi import figures_by_name
from support import synthetic_hosts as hosts
from support.records import case_of, record_of, samples_of_latencies

HOST = hosts.with_gpus(hosts.host_of([[4]]), 2)


def script(monkeypatch: pytest.MonkeyPatch, *states: GpuState) -> None:
    """Has the driver answer with these states, one after the other, for the first GPU."""
    answers: Iterator[GpuState] = iter(states)

    def read(asked: tuple[Gpu, ...]) -> tuple[GpuState, ...]:
        now = next(answers)
        return tuple(now for _ in asked)

    monkeypatch.setattr(module, "read_states", read)


def at(energy: float | None, **more: Any) -> GpuState:
    return GpuState(energy_j=energy, clock_mhz=1980, slowdowns=(), **more)


def test_the_gpus_are_those_of_the_slots_in_their_order() -> None:
    slots = (Slot(0, (0,), (0,), HOST.gpus[1].pci), Slot(1, (1,), (0,)))
    assert gpus_of(Placement(slots), HOST) == (HOST.gpus[1],)


def test_energy_is_that_of_the_rounds_and_nothing_between_them(monkeypatch) -> None:
    script(monkeypatch, at(5), at(10), at(110), at(500), at(650))
    watch = GpuWatch(HOST.gpus[:1])
    for _ in range(2):
        with watch.round():
            pass
    (report,) = watch.reports()
    assert report.energy_j == 250
    assert (report.before.energy_j, report.after.energy_j) == (5, 650)


def test_a_driver_that_counts_no_energy_leaves_it_absent(monkeypatch) -> None:
    script(monkeypatch, at(None), at(1.0), at(None))
    watch = GpuWatch(HOST.gpus[:1])
    with watch.round():
        pass
    assert watch.reports()[0].energy_j is None


def test_without_a_round_there_is_no_energy(monkeypatch) -> None:
    script(monkeypatch, at(5))
    assert GpuWatch(HOST.gpus[:1]).reports()[0].energy_j is None


def test_what_slowed_any_round_is_kept_and_said_once(monkeypatch) -> None:
    hot = replace(at(1), slowdowns=("hardware thermal slowdown",))
    script(monkeypatch, at(0), at(0), hot, at(1), at(2))
    watch = GpuWatch(HOST.gpus[:1])
    for _ in range(2):
        with watch.round():
            pass
    assert watch.reports()[0].slowdowns == ("hardware thermal slowdown",)
    (notice,) = watch.slowed()
    assert notice.code == "gpu-slowed"
    assert HOST.gpus[0].pci in notice.text


def test_settings_that_hurt_are_found_before_anything_is_measured(monkeypatch) -> None:
    script(monkeypatch, at(0, persistence=False))
    assert [one.code for one in GpuWatch(HOST.gpus[:1]).findings] == ["gpu-persistence"]


def test_a_record_shows_the_gpu_its_state_and_its_energy(monkeypatch) -> None:
    end = replace(at(40), max_clock_mhz=1980, power_w=412.3, power_limit_w=700, temperature_c=51)
    script(monkeypatch, at(0), at(0), end)
    watch = GpuWatch(HOST.gpus[:1])
    with watch.round():
        pass
    reports = tuple(replace(report, measured_s=2.0) for report in watch.reports())
    case = case_of(precision="cuda_fp16", device="cuda", instances=1)
    record = record_of(case=case, gpus=reports)
    samples = samples_of_latencies([[10, 10]], images=8)
    assert figures_by_name(record, samples)["GPU Energy per Image"].value == 40 / 16
    text = block_text(kpi_block(record, samples))
    assert "## WORKLOAD: resnet50_pytorch_xeon_public" in text
    assert "## GPU: NVIDIA H100 80GB HBM3\n## GPU_DRIVER: 580.95.05" in text
    assert "at the end: 1980 of 1980 MHz, 412 of 700 W, 51 °C" in text
    short = replace(record, gpus=tuple(replace(one, measured_s=0.5) for one in reports))
    assert "GPU Energy per Image" not in figures_by_name(short, samples)
