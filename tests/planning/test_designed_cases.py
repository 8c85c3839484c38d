from __future__ import annotations

import pytest

from r50bench.case import CaseName
from r50bench.planning.designed_cases import designed_cases
from r50bench.planning.nominal import PLATFORMS, nominal_host


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


@pytest.mark.parametrize("platform", PLATFORMS)
def test_designed_names_can_be_typed(platform: str) -> None:
    for name in designed_cases(nominal_host(platform)):
        assert CaseName.parse(str(name)) == name


def test_genoa_gets_the_bfloat16_that_the_original_promised() -> None:
    names = {str(name) for name in designed_cases(nominal_host("GENOA"))}
    assert "inference_throughput_avx_bfloat16" in names
