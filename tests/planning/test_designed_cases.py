from __future__ import annotations

import pytest

from r50bench.case import CaseName
from r50bench.host.isa import native_precisions
from r50bench.planning.designed_cases import designed_cases, precisions_without_choice
from r50bench.planning.nominal import PLATFORMS, nominal_host
from support import synthetic_hosts


def test_designed_cases_are_those_of_the_native_precisions_by_mode() -> None:
    assert [str(name) for name in designed_cases(nominal_host("ICX"))] == [
        "inference_throughput_avx_fp32",
        "inference_throughput_avx_int8",
        "inference_throughput_avx_fp32_gated",
        "inference_throughput_avx_int8_gated",
        "inference_throughput_avx_fp32_pkm",
        "inference_throughput_avx_int8_pkm",
        "inference_latency_avx_fp32",
        "inference_latency_avx_int8",
        "inference_latency_avx_fp32_gated",
        "inference_latency_avx_int8_gated",
        "inference_accuracy_avx_fp32",
        "inference_accuracy_avx_int8",
    ]


@pytest.mark.parametrize(
    ("platform", "torch", "precisions"),
    [
        ("ARMv8", "2.13.0", {"arm_fp32"}),
        ("ARMv9", "2.9.1", {"arm_fp32", "arm_bf16"}),
        ("ARMv9", "2.13.0", {"arm_fp32", "arm_bf16", "arm_int8"}),
    ],
)
def test_a_precision_that_torch_has_no_kernels_for_is_not_among_them(
    monkeypatch: pytest.MonkeyPatch, platform: str, torch: str, precisions: set[str]
) -> None:
    monkeypatch.setattr("r50bench.engines.torch.arm_int8.version", lambda _: torch)
    assert {name.precision for name in designed_cases(nominal_host(platform))} == precisions


@pytest.mark.parametrize("platform", PLATFORMS)
def test_designed_names_can_be_typed(platform: str) -> None:
    for name in designed_cases(nominal_host(platform)):
        assert CaseName.parse(str(name)) == name


def test_genoa_gets_the_bfloat16_that_the_original_promised() -> None:
    names = {str(name) for name in designed_cases(nominal_host("GENOA"))}
    assert "inference_throughput_avx_bfloat16" in names


def test_where_none_of_the_precisions_runs_all_are_there_to_be_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = synthetic_hosts.with_gpus(synthetic_hosts.spr_two_sockets(), 1)
    monkeypatch.setattr("r50bench.engines.torch.cuda_build.no_cuda_build", lambda: "no CUDA")
    assert {name.precision for name in designed_cases(host)} & set(
        native_precisions(host, "cuda")
    ) == set()
    assert precisions_without_choice(host, "cuda") == native_precisions(host, "cuda")
