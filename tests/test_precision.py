"""The table of precisions: how a word is read, and that a row is all that a new one takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.case import Case, CaseName
from r50bench.engines.base import CPU_NUMERICS, EngineSpec
from r50bench.engines.evidence.judge import judge
from r50bench.engines.registry import ENGINES
from r50bench.errors import Unsupported, UsageError
from r50bench.host.isa import isa_cap, native_precisions, resolve_precision
from r50bench.host.topology import Host, read_host
from r50bench.measure.measured_peak import bounding_instruction
from r50bench.mlperf.submission.implementation import calibration_of, describe_implementation
from r50bench.models.layers import layers
from r50bench.parameters import Setting
from r50bench.planning.designed_cases import designed_cases
from r50bench.planning.effective_case import effective_case
from r50bench.precision import (
    NUMERICS,
    PRECISIONS,
    OneDnnKernels,
    means,
    numerics_of,
    parse_precision,
)
from r50bench.profile.roofline import Roof, break_down
from r50bench.sweep.time_left import TimeLeft
from r50bench.tune.trials import expected_latency_s
from support.machine_tree import CPUINFO_SPR, MachineTree
from support.primitives import primitive_of
from support.records import case_of, record_of


@pytest.mark.parametrize(
    ("word", "precision"),
    [
        ("avx_fp32", "avx_fp32"),
        ("AVX_BF16", "avx_bfloat16"),
        ("amx_bf32", "amx_bfloat32"),
        ("arm_bfloat16", "arm_bf16"),
        ("FP32", "fp32"),
        ("bfloat16", "bf16"),
        ("float32", "fp32"),
        ("cuda_bf16", "cuda_bfloat16"),
        ("CUDA_HALF", "cuda_fp16"),
        ("tf32", "tf32"),
    ],
)
def test_precisions_are_read_in_every_usual_spelling(word: str, precision: str) -> None:
    assert parse_precision(word) == precision


@pytest.mark.parametrize("word", ["avx_bloat16", "amx_fp32", "arm_bfloat32", "fp8", "", "_fp32"])
def test_a_precision_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="unknown precision"):
        parse_precision(word)


def test_what_no_gpu_multiplies_is_refused_with_what_one_does() -> None:
    with pytest.raises(Unsupported, match="no engine has int8 convolutions on CUDA") as caught:
        parse_precision("cuda_int8")
    assert "cuda_fp32, cuda_tf32, cuda_bfloat16, cuda_fp16" in str(caught.value.hint)
    assert "int8 is avx_int8, amx_int8, arm_int8" in str(caught.value.hint)


def test_a_misspelt_precision_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        parse_precision("avx_bloat16")
    assert "avx_bfloat16" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("word", "precision", "meant"),
    [
        ("int8", "avx_int8", True),
        ("avx_int8", "avx_int8", True),
        ("amx_int8", "avx_int8", False),
        ("bf16", "avx_int8", False),
    ],
)
def test_a_word_means_itself_and_all_of_its_numerics(
    word: str, precision: str, meant: bool
) -> None:
    assert means(word, precision) is meant


def test_every_precision_has_known_numerics() -> None:
    assert {numerics_of(precision) for precision in PRECISIONS} == set(NUMERICS)


def test_flags_of_every_numerics_and_every_family_are_told_apart() -> None:
    families = {row.family: row.arch for row in PRECISIONS.values()}
    assert families == {"avx": "x86_64", "amx": "x86_64", "arm": "aarch64", "cuda": ""}
    assert all(row.name == name for name, row in PRECISIONS.items())
    assert all(row.name == name for name, row in NUMERICS.items())


@pytest.fixture
def fp8_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Host:
    """Adds amx_fp8 to the table, and fp8 to what engine torch computes; nothing else anywhere.

    Returns a host that has it.
    """
    fp8 = replace(
        NUMERICS["bf16"],
        name="fp8",
        spellings=("float8", "quarter"),
        best_batch=12,
        images_per_core_s=50.0,
        weight_type="fp8",
        rounding="rounded to float8",
    )
    row = replace(
        PRECISIONS["amx_bfloat16"],
        name="amx_fp8",
        numerics=fp8,
        needs=(frozenset({"amx_tile", "amx_of_tomorrow"}),),
        isa_caps=((frozenset(), "AVX10_2_512_AMX_2"),),
        peak_instructions=("tdphf8ps",),
        kernels=OneDnnKernels(
            sources=frozenset({"f8"}),
            isa="avx512_core_amx_fp8",
            usual="brgconv:avx512_core_amx_fp8 f8",
        ),
    )
    monkeypatch.setitem(NUMERICS, "fp8", fp8)
    monkeypatch.setitem(PRECISIONS, "amx_fp8", row)
    of_torch = replace(ENGINES["torch"], numerics={"cpu": CPU_NUMERICS | {"fp8"}})
    monkeypatch.setattr("r50bench.engines.torch.AOT", of_torch)
    tree = MachineTree(tmp_path)
    tree.write("/proc/cpuinfo", CPUINFO_SPR.replace("amx_int8\n", "amx_int8 amx_of_tomorrow\n"))
    tree.write("/proc/meminfo", "MemTotal: 16000000 kB\n")
    tree.cpus([([0], 0), ([1], 0)], "0-1")
    return read_host(tmp_path)


def fp8_case(host: Host) -> Case:
    return effective_case(CaseName("inference", "throughput", "fp8"), {}, host).case


def test_a_new_row_is_read_listed_resolved_and_capped(fp8_host: Host) -> None:
    assert CaseName.parse("inference_latency_amx_quarter").precision == "amx_fp8"
    assert native_precisions(fp8_host)[-1] == "amx_fp8"
    listed = [name.precision for name in designed_cases(fp8_host)]
    assert listed.count("amx_fp8") == listed.count("amx_int8") > 0
    assert resolve_precision("float8", fp8_host) == "amx_fp8"
    assert isa_cap("amx_fp8", fp8_host) == "AVX10_2_512_AMX_2"


def test_a_new_row_is_planned_with_its_batch_and_its_rules(fp8_host: Host) -> None:
    case = fp8_case(fp8_host)
    assert (case.name, case.batch_size) == ("inference_throughput_amx_fp8", 12)
    shared = {"weight_sharing": Setting(True, "option")}
    name = CaseName("inference", "throughput", "amx_fp8")
    assert effective_case(name, shared, fp8_host).case.weight_sharing


def test_a_new_row_says_what_to_expect_of_a_core(fp8_host: Host) -> None:
    case = fp8_case(fp8_host)
    assert expected_latency_s(case, None) == pytest.approx(12 / 50 / case.cores_per_instance)
    left = TimeLeft()
    left.learn(case, 5.0)
    left.learn(replace(case, steps=2 * (case.steps or 0)), 9.0)
    assert left.seconds([case]) is not None


def test_a_new_row_is_proved_and_bounded_by_what_it_says(fp8_host: Host) -> None:
    spec = EngineSpec("torch", "cpu", "amx_fp8", "v1", "torchvision", "random:1", 1, 1)
    assert judge({"convolution brgconv_1x1:avx512_core_amx_fp8 f8": 53}, spec).proved
    assert not judge({"convolution brgconv_1x1:avx512_core_amx bf16": 53}, spec).proved
    assert bounding_instruction("amx_fp8", {"tdpbf16ps", "tdphf8ps"}, {}) == "tdphf8ps"


def test_a_new_row_s_layers_have_a_least_time(fp8_host: Host) -> None:
    log = [primitive_of(layer, 1) for layer in layers("v1.5")]

    def least_ms(numerics: str) -> float:
        roof = Roof(gop_per_s=1e9, gb_per_s=20)
        return break_down(
            [[log]], [30.0], roof, graph="v1.5", numerics=numerics, batch_size=1
        ).least_ms

    assert least_ms("fp8") == least_ms("bf16") == pytest.approx(2 * least_ms("int8"))


def test_a_new_row_is_described_for_a_submission(fp8_host: Host) -> None:
    record = record_of(precision="amx_fp8", case=case_of(precision="amx_fp8"))
    told = describe_implementation(record)
    assert told["weight_data_types"] == "fp8"
    assert told["weight_transformations"].startswith("rounded to float8; ")
    assert calibration_of(record) == "None: weights and activations are fp8, without scales."
