"""The vocabulary of a case: names, precisions, prefixes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.case import CASE_TYPES, MODES, Case, CaseName, strip_prefixes
from r50bench.errors import UsageError
from r50bench.precision import NUMERICS, PRECISIONS

names = st.builds(
    CaseName,
    st.just("inference"),
    st.sampled_from(MODES),
    st.sampled_from([*PRECISIONS, *NUMERICS]),
    st.sampled_from(CASE_TYPES),
)


@given(names, st.sampled_from(["", "test_", "resnet50_pytorch_xeon_public_"]))
def test_a_name_reads_back_as_itself_with_or_without_prefix(name: CaseName, prefix: str) -> None:
    assert CaseName.parse(prefix + str(name)) == name


@given(names)
def test_a_name_may_be_written_in_capitals_and_with_dashes(name: CaseName) -> None:
    assert CaseName.parse(str(name).upper().replace("_", "-")) == name


@given(st.text(max_size=40))
def test_any_text_is_a_case_name_or_a_usage_error(text: str) -> None:
    try:
        name = CaseName.parse(text)
    except UsageError:
        return
    assert CaseName.parse(str(name)) == name


@pytest.mark.parametrize(
    "text",
    [
        "test_resnet50_pytorch_xeon_public_inference_latency_avx_int8_gated",
        "ResNet50-PyTorch-Xeon-Public_inference_latency_avx_int8_gated",
        " inference_latency_AVX_INT8_gated ",
    ],
)
def test_the_original_workloads_spellings_are_understood(text: str) -> None:
    assert CaseName.parse(text) == CaseName("inference", "latency", "avx_int8", "gated")


def test_the_arm_workloads_only_case_is_understood() -> None:
    arm = CaseName("inference", "throughput", "fp32", "pkm")
    assert CaseName.parse("throughput_pkm") == arm
    assert CaseName.parse("test_resnet50_pytorch_arm_throughput_pkm") == arm
    assert CaseName.parse("resnet50v15_pytorch_arm_throughput_pkm") == arm


def test_training_is_refused_in_one_sentence() -> None:
    with pytest.raises(UsageError, match="training is not supported") as caught:
        CaseName.parse("training_throughput_avx_fp32")
    assert "inference" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("inference_thruput_avx_fp32", "inference_throughput_avx_fp32"),
        ("inference_latency_avx_int9", "inference_latency_avx_int8"),
        ("inferense_latency_amx_int8", "inference_latency_amx_int8"),
        ("inference_latency_avx_int8_gate", "inference_latency_avx_int8_gated"),
    ],
)
def test_a_misspelt_case_is_answered_with_the_nearest(misspelt: str, meant: str) -> None:
    with pytest.raises(UsageError, match="unknown case") as caught:
        CaseName.parse(misspelt)
    assert meant in str(caught.value.hint)


@pytest.mark.parametrize("text", ["", "inference", "latency", "*", "inference_latency_", "__"])
def test_what_is_no_case_at_all_is_pointed_to_the_list(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        CaseName.parse(text)
    assert caught.value.hint


def test_prefixes_are_stripped_from_globs_whose_ranges_stay() -> None:
    assert strip_prefixes("resnet50-pytorch-xeon-public_inference-*") == "inference_*"
    assert strip_prefixes("*_int[7-9]") == "*_int[7-9]"


def test_a_case_says_its_name_and_numerics() -> None:
    case = Case("throughput", "amx_bfloat32", 1, 2, 3, 10, 5, case_type="gated")
    assert case.name == "inference_throughput_amx_bfloat32_gated"
    assert case.numerics == "bf32"
