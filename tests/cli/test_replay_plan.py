"""A record's run planned again: as it was, or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from r50bench.case import CaseName
from r50bench.cli.replay_plan import plan_replay
from r50bench.errors import Unsupported
from r50bench.host.topology import Host
from r50bench.mlperf.plan import plan_mlperf
from r50bench.parameters import collect
from r50bench.parameters.workflow import collect_workflow
from r50bench.planning.effective_case import effective_case
from r50bench.planning.planned import Planned
from r50bench.results.record import ModelInfo, Record
from support import records, synthetic_hosts
from support.scripted_loadgen import result_of

HOST = synthetic_hosts.two_core_vm()


def main_record(name: str, *sets: str, host: Host = HOST) -> Record:
    settings = collect({}, ["WEIGHTS=v1", *sets], {})
    effective = effective_case(CaseName.parse(name), settings, host)
    return records.record_of(case=effective.case, request=effective.request)


def loadgen_record(*sets: str, **keys: str) -> Record:
    settings = collect({}, ["WEIGHTS=v1", *sets], {})
    planned = plan_mlperf(
        collect_workflow({}, [f"loadgen_{key}={keys[key]}" for key in keys], {})[0], settings, HOST
    )
    return records.record_of(
        case=planned.case,
        request=planned.request,
        loadgen=result_of(replace(planned.loadgen, dataset_size=20, target_qps=None)),
    )


@pytest.mark.parametrize(
    ("name", "sets"),
    [
        ("inference_throughput_int8", []),
        ("inference_latency_fp32_gated", ["CORES_PER_INSTANCE=1"]),
        ("inference_throughput_bf16_pkm", ["BATCH_SIZE=7", "STEPS=11", "WARMUP_STEPS=3"]),
        ("inference_accuracy_int8", ["DATASET=/pictures", "INSTANCES=1"]),
        ("inference_throughput_fp32", ["WEIGHT_SHARING=1", "FORCE_WEIGHT_SHARING=1", "REPEAT=3"]),
        ("inference_throughput_fp32", ["CUSTOMER_ENV=A=1", "ALLOCATOR=system", "VERBOSE=1"]),
    ],
)
def test_the_case_of_the_main_job_is_the_very_same(name: str, sets: list[str]) -> None:
    record = main_record(name, *sets)
    planned = plan_replay(record, HOST)
    assert planned.case == record.case
    assert planned.request == record.request
    (notice,) = planned.notices
    assert (notice.code, notice.text) == ("replay", f"this is a replay of {record.id}")


@pytest.mark.parametrize(
    "keys",
    [
        {"scenario": "Offline"},
        {"scenario": "Offline", "mode": "PerformanceOnly"},
        {"scenario": "SingleStream", "mode": "PerformanceOnly"},
        {"scenario": "MultiStream", "mode": "PerformanceOnly"},
        {"scenario": "Server", "mode": "FindPeakPerformance"},
    ],
)
def test_the_case_and_settings_of_a_loadgen_run_are_the_very_same(keys: dict[str, Any]) -> None:
    record = loadgen_record("PRECISION=int8", **keys)
    planned = plan_replay(record, HOST)
    assert isinstance(planned, Planned)
    assert planned.case == record.case
    assert record.loadgen is not None
    assert planned.loadgen == record.loadgen.settings


def test_weights_that_were_chosen_automatically_are_those_it_came_to() -> None:
    record = main_record("inference_throughput_int8", "WEIGHTS=auto")
    model = ModelInfo("v1.5", "random", "0" * 64, 8.2, "seed 2020")
    assert plan_replay(replace(record, model=model), HOST).case.weights == "random"


@pytest.mark.parametrize(
    ("record", "host", "why"),
    [
        (
            main_record("inference_throughput_int8"),
            synthetic_hosts.graviton3(),
            "cannot run avx_int8",
        ),
        (
            main_record("inference_throughput_int8"),
            synthetic_hosts.haswell(),
            "cannot run avx_int8",
        ),
        (
            main_record("inference_throughput_fp32", host=synthetic_hosts.host_of([[8]])),
            HOST,
            "not fit",
        ),
        (
            main_record("inference_throughput_fp32", "BATCH_SIZE=999"),
            replace(HOST, memory_bytes=2**30),
            "of memory",
        ),
    ],
)
def test_a_host_that_cannot_run_it_as_it_was_refuses(record: Record, host: Host, why: str) -> None:
    with pytest.raises(Unsupported, match=why) as caught:
        plan_replay(record, host)
    assert f"cannot repeat {record.id}" in caught.value.message


def test_a_value_without_effect_here_is_refused() -> None:
    record = main_record("inference_throughput_fp32")
    changed = replace(record, case=replace(record.case, matmul_min_dim=512))
    with pytest.raises(Unsupported, match="differ in matmul_min_dim"):
        plan_replay(changed, HOST)
