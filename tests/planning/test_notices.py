"""What was asked and does nothing, or works against the case, is said, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.case import CaseName
from r50bench.host.topology import Core
from r50bench.parameters import collect
from r50bench.planning.effective_case import EffectiveCase, effective_case
from r50bench.planning.placement import place
from support import synthetic_hosts as hosts


def effective(name: str, *sets: str) -> EffectiveCase:
    return effective_case(CaseName.parse(name), collect({}, sets, {}), hosts.two_core_vm())


@pytest.mark.parametrize(
    ("name", "sets", "note"),
    [
        ("inference_accuracy_avx_int8", ["STEPS=3"], "STEPS has no effect: accuracy runs every"),
        ("inference_accuracy_avx_int8", ["WARMUP_STEPS=3"], "WARMUP_STEPS has no effect"),
        ("inference_accuracy_avx_int8", ["REPEAT=3"], "REPEAT has no effect"),
        ("inference_accuracy_avx_int8", ["DATA_TYPE=dummy"], "DATA_TYPE=dummy has no effect"),
        ("inference_latency_avx_int8", ["DATASET=x"], "DATASET has no effect: input is dummy"),
        ("inference_latency_avx_int8", ["SKIP_BAD_PICTURES=1"], "SKIP_BAD_PICTURES has no effect"),
        (
            "inference_latency_avx_int8",
            ["PLATFORM=SPR"],
            "PLATFORM=SPR has no effect: this host is",
        ),
        ("inference_latency_avx_int8", ["WORKLOAD=resnet50_pytorch_arm"], "this host is x86_64"),
        ("inference_latency_avx_int8", ["WORKLOAD=resnet50v15_pytorch_arm"], "this host is x86_64"),
        ("inference_latency_avx_int8", ["WEIGHT_SHARING=1"], "no effect: there is one instance"),
        ("inference_latency_avx_int8", ["FORCE_WEIGHT_SHARING=1"], "weights are not shared"),
        ("inference_latency_avx_int8", ["TORCH_MKLDNN_MATMUL_MIN_DIM=9"], "has no effect: on x86"),
        ("inference_latency_avx_int8", ["ACROSS_NODES=1"], "all on one NUMA node"),
        ("inference_latency_avx_int8", ["SLOW_CORES=1"], "the usable cores are all of one kind"),
        ("inference_latency_avx_int8", ["CUDA_GRAPH=1"], "CUDA_GRAPH has no effect: the case runs"),
        (
            "inference_throughput_avx_int8",
            ["INSTANCES=2", "WEIGHT_SHARING=1", "FORCE_WEIGHT_SHARING=1"],
            "avx_int8 supports weight sharing",
        ),
    ],
)
def test_what_has_no_effect_is_said(name: str, sets: list[str], note: str) -> None:
    notices = effective(name, *sets).notices
    (said,) = (notice for notice in notices if note in notice.text)
    assert said.code == "no-effect"


@pytest.mark.parametrize("workload", ["resnet50_pytorch_arm", "resnet50v15_pytorch_arm"])
def test_a_name_of_the_workload_for_another_architecture_says_what_is_measured(
    workload: str,
) -> None:
    (notice,) = effective(f"test_{workload}_throughput_pkm", "PRECISION=int8").notices
    assert notice.code == "no-effect"
    assert notice.text == (
        f"{workload} before the case's name has no effect: this host is x86_64, and"
        " inference_throughput_avx_int8_pkm is measured on it"
    )
    assert effective("resnet50_pytorch_xeon_public_inference_throughput_avx_int8").notices == ()


@pytest.mark.parametrize(
    ("variables", "note"),
    [
        ("OMP_NUM_THREADS=8", "OMP_NUM_THREADS=8 contradicts CORES_PER_INSTANCE=2"),
        ("ONEDNN_MAX_CPU_ISA=AVX2", "replaces the ISA cap"),
        ("DNNL_DEFAULT_FPMATH_MODE=BF16", "lower precision"),
        ("LD_PRELOAD=x.so", "replaces the preloaded allocator"),
        ("GOMP_CPU_AFFINITY=0", "competes with the pinning"),
    ],
)
def test_variables_that_disturb_the_workers_are_said_and_passed_on(
    variables: str, note: str
) -> None:
    found = effective(
        "inference_latency_avx_int8", f"CUSTOMER_ENV={variables}", "CORES_PER_INSTANCE=2"
    )
    assert len(found.notices) == 1
    assert note in found.notices[0].text
    assert found.notices[0].code == "customer-env"
    assert found.case.customer_env == (tuple(variables.split("=")),)


def test_harmless_settings_are_not_commented_on() -> None:
    found = effective(
        "inference_latency_avx_int8",
        "PLATFORM=turin",
        "WORKLOAD=resnet50_pytorch_xeon_public",
        "INSTANCE_MODE=flex",
        "WEIGHT_SHARING=False",
        "CUSTOMER_ENV=A=1 OMP_NUM_THREADS=2",
        "DEVICE=auto",
        "CORES_PER_INSTANCE=2",
    )
    assert found.notices == ()
    assert found.case.device == "cpu"


def test_fewer_cores_than_latency_mode_gives_an_instance_are_said_to_be_few() -> None:
    found = effective("inference_latency_avx_int8")
    assert str(found.request["cores_per_instance"]) == "2 (default latency: 4 do not fit)"
    (said,) = found.notices
    assert said.code == "few-cores"
    assert said.text == (
        "an instance has 2 cores, and not the 4 of latency mode: no more are usable here"
    )
    in_throughput = effective("inference_throughput_avx_int8", "INSTANCE_MODE=latency")
    assert [one.code for one in in_throughput.notices] == ["few-cores"]


@pytest.mark.parametrize(
    ("name", "sets"),
    [
        ("inference_latency_avx_int8", ["CORES_PER_INSTANCE=1"]),
        ("inference_latency_avx_int8", ["INSTANCES=2"]),
        ("inference_latency_avx_int8_gated", []),
        ("inference_latency_avx_int8", ["INSTANCE_MODE=throughput"]),
        ("inference_throughput_avx_int8", []),
    ],
)
def test_cores_that_were_asked_for_are_never_called_few(name: str, sets: list[str]) -> None:
    assert effective(name, *sets).notices == ()


def test_where_nodes_are_small_instances_across_them_are_the_way_out_of_few_cores() -> None:
    small = hosts.host_of([[2, 2]])
    found = effective_case(CaseName.parse("inference_latency_fp32"), {}, small)
    (said,) = found.notices
    assert "no more are usable on one NUMA node here" in said.text
    assert "--across-nodes" in said.mend
    across = collect({}, ["ACROSS_NODES=1"], {})
    wide = effective_case(CaseName.parse("inference_latency_fp32"), across, small)
    assert (wide.case.cores_per_instance, wide.notices) == (4, ())


def test_of_two_kinds_of_cores_the_fast_ones_are_used_and_it_is_said() -> None:
    machine = hosts.two_core_vm()
    slow = tuple(Core((cpu,), 0, 0) for cpu in (8, 9, 10))
    hybrid = replace(machine, slow_cores=slow)
    name = CaseName.parse("inference_throughput_avx_fp32")

    by_default = effective_case(name, {}, hybrid)
    (said,) = by_default.notices
    assert said.code == "mixed-cores"
    assert "the 2 fast ones are used, 3 slow ones are not" in said.text
    assert (by_default.case.instances, by_default.case.cores_per_instance) == (1, 2)

    every = effective_case(name, collect({}, ["SLOW_CORES=1"], {}), hybrid)
    assert every.notices == ()
    assert (every.case.instances, every.case.cores_per_instance) == (1, 5)
    (slot,) = place(hybrid, every.case).slots
    assert {8, 9, 10} < set(slot.cpus)
