"""The main job: what is planned for a host, and what is left out and said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.errors import Unsupported
from r50bench.main_job.plan import MainJob, plan_main_job
from r50bench.parameters import collect
from support import synthetic_hosts

# What an Emerald Rapids core does by instruction, in 1e9 operations a second.
PEAKS = {"avx_bfloat16": 88, "avx_int8": 757, "amx_bfloat16": 2900, "amx_int8": 5850}


def peak_of(planned):
    return PEAKS[planned.case.precision]


@pytest.fixture
def turin():
    return synthetic_hosts.host_of([[2]], model="turin")


@pytest.fixture
def spr():
    return synthetic_hosts.spr_two_sockets()


def rows(job: MainJob) -> list[tuple[str, str]]:
    """The precisions and engines of a job, each once, in order."""
    return list(dict.fromkeys((one.case.precision, one.case.engine) for one in job.cases))


def test_throughput_and_latency_are_measured_in_turns_of_both_engines(turin):
    job = plan_main_job(turin, {})
    assert [[(one.case.name, one.case.engine) for one in turn.cases] for turn in job.turns] == [
        [(f"inference_{mode}_{precision}", engine) for engine in ("torch", "r50")]
        for precision in ("avx_fp32", "avx_bfloat16", "avx_int8")
        for mode in ("throughput", "latency")
    ]
    assert job.notices == ()


def test_throughput_is_fed_pictures_that_can_be_scored(turin):
    throughput, latency = (
        plan_main_job(turin, {}).turns[0].cases[0],
        plan_main_job(turin, {}).cases[2],
    )
    assert (throughput.case.data_type, throughput.case.repeat) == ("real", 6)
    assert latency.case.batch_size == 1
    assert latency.case.steps * latency.case.repeat >= 100  # or there is no p99


def test_the_best_precision_of_a_numerics_is_the_one_whose_instruction_did_most(spr):
    found = {precision for precision, _ in rows(plan_main_job(spr, {}, None, peak_of))}
    assert found == {"avx_fp32", "amx_bfloat16", "amx_int8"}
    slow_tiles = PEAKS | {"amx_int8": 500}
    job = plan_main_job(spr, {}, None, lambda planned: slow_tiles[planned.case.precision])
    assert {precision for precision, _ in rows(job)} == {"avx_fp32", "amx_bfloat16", "avx_int8"}


def test_without_a_measured_peak_the_name_decides_and_that_is_said(spr):
    job = plan_main_job(spr, {})
    assert {precision for precision, _ in rows(job)} == {"avx_fp32", "amx_bfloat16", "amx_int8"}
    (notice,) = (one for one in job.notices if one.code == "best-by-name")
    assert "amx_bfloat16 before avx_bfloat16; amx_int8 before avx_int8 by name" in notice.text


def test_all_takes_every_native_precision_and_asks_for_no_peak(spr):
    def no_peak(planned):
        raise AssertionError(planned)

    job = plan_main_job(spr, {}, None, no_peak, every=True)
    assert [precision for precision, engine in rows(job) if engine == "torch"] == [
        "avx_fp32", "avx_bfloat16", "amx_bfloat16", "amx_bfloat32", "avx_int8", "amx_int8",
    ]  # fmt: skip


def test_where_r50_has_no_kernels_there_is_a_notice_in_place_of_a_row(monkeypatch):
    monkeypatch.setattr("r50bench.engines.torch.arm_int8.version", lambda _: "2.13.0")
    job = plan_main_job(synthetic_hosts.graviton3(), {})
    assert {engine for _, engine in rows(job)} == {"torch"}
    (notice,) = job.notices
    assert notice.code == "left-out"
    assert notice.text.startswith("no row of r50 in arm_fp32, arm_bf16, arm_int8: ")


def test_int8_without_kernels_of_torch_is_left_out_and_the_reason_given(monkeypatch):
    monkeypatch.setattr("r50bench.engines.torch.arm_int8.version", lambda _: "2.10.0")
    job = plan_main_job(synthetic_hosts.graviton3(), {})
    assert rows(job) == [("arm_fp32", "torch"), ("arm_bf16", "torch")]
    (said,) = (one.text for one in job.notices if "row of torch" in one.text)
    assert said.startswith(
        "no row of torch in arm_int8: torch 2.10.0, older than 2.11, has only reference code"
    )


def test_an_engine_that_is_asked_is_measured_alone(turin):
    job = plan_main_job(turin, collect({}, ["ENGINE=torch-eager"], {}))
    assert rows(job) == [("avx_fp32", "torch-eager"), ("avx_bfloat16", "torch-eager")]
    (notice,) = job.notices
    assert notice.text.startswith("no row of torch-eager in avx_int8: ")


def test_what_is_asked_outweighs_the_defaults_of_the_main_job(turin):
    job = plan_main_job(turin, collect({}, ["STEPS=7", "REPEAT=3", "DATA_TYPE=dummy"], {}))
    assert {(one.case.steps, one.case.repeat, one.case.data_type) for one in job.cases} == {
        (7, 3, "dummy")
    }
    assert "(--set)" in str(job.cases[0].request["steps"])
    assert "(default main job)" in str(job.cases[0].request["warmup_steps"])


def test_a_host_without_any_precision_is_refused(turin):
    with pytest.raises(Unsupported, match="none of the precisions"):
        plan_main_job(replace(turin, isa=frozenset()), {})


def test_an_engine_that_runs_none_of_the_precisions_is_refused():
    with pytest.raises(Unsupported):
        plan_main_job(synthetic_hosts.graviton3(), collect({}, ["ENGINE=r50"], {}))
