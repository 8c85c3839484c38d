"""Which cases a command line means."""

from __future__ import annotations

import time

import pytest

from r50bench.cli import selection
from r50bench.cli.selection import select
from r50bench.errors import UsageError
from r50bench.parameters import collect
from support import synthetic_hosts

VM = synthetic_hosts.two_core_vm()
NATIVE = ("avx_fp32", "avx_bfloat16", "avx_int8")


def selected(
    *words: str, regex: str | None = None, sets: tuple[str, ...] = (), **environ: str
) -> list[str]:
    return [str(name) for name in select(words, regex, collect({}, sets, environ), VM)]


def test_nothing_names_no_case() -> None:
    assert selected() == []
    assert selected(sets=("BATCH_SIZE=3",), PLATFORM="SPR") == []


def test_a_name_needs_not_be_designed_for_the_host() -> None:
    assert selected("inference_accuracy_fp32") == ["inference_accuracy_fp32"]
    assert selected("inference_latency_amx_int8") == ["inference_latency_amx_int8"]


def test_a_glob_chooses_every_case_once_and_leaves_profiles_out() -> None:
    throughput = [f"inference_throughput_{precision}" for precision in NATIVE]
    assert selected("inference_throughput_*") == throughput
    assert selected("test_resnet50_pytorch_xeon_public_inference_throughput_*") == throughput
    assert (
        selected("*", "*int8", "inference_latency_avx_int8").count("inference_latency_avx_int8")
        == 1
    )


def test_a_glob_keeps_the_workload_before_it_for_the_notice() -> None:
    found = select(["resnet50_pytorch_arm_*throughput*"], None, {}, VM)
    assert {name.workload for name in found} == {"resnet50_pytorch_arm"}


def test_a_glob_that_names_a_profile_chooses_it() -> None:
    assert selected("*latency*gated") == [
        f"inference_latency_{precision}_gated" for precision in NATIVE
    ]
    assert selected("*_pkm") == [f"inference_throughput_{precision}_pkm" for precision in NATIVE]


def test_a_profile_asked_beside_a_glob_chooses_it() -> None:
    gated = [f"inference_latency_{precision}_gated" for precision in NATIVE]
    assert selected("*latency*", sets=("CASE_TYPE=gated",)) == gated


def test_a_regex_matches_anywhere_also_in_the_original_name() -> None:
    assert selected(regex="latency.*int8$") == ["inference_latency_avx_int8"]
    assert selected(regex="^test_resnet50.*ACCURACY_avx_fp32") == ["inference_accuracy_avx_fp32"]
    assert selected(regex="int8_(gated|pkm)") == [
        "inference_throughput_avx_int8_gated",
        "inference_throughput_avx_int8_pkm",
        "inference_latency_avx_int8_gated",
    ]


def test_a_malformed_regex_is_refused() -> None:
    with pytest.raises(UsageError, match="no regular expression"):
        selected(regex="*")


@pytest.mark.parametrize("pattern", ["inference_thruput_*", "*amx*", "[x]"])
def test_a_glob_that_matches_nothing_is_refused_with_a_way_on(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"no case matches .* \(TURIN\)") as caught:
        selected(pattern)
    assert caught.value.hint


def test_a_misspelt_glob_is_answered_with_the_nearest_case() -> None:
    with pytest.raises(UsageError) as caught:
        selected("inference_thruput_avx_int8*")
    assert "inference_throughput_avx_int8" in str(caught.value.hint)


def test_mode_and_precision_make_a_name() -> None:
    name = ["inference_throughput_avx_fp32_gated"]
    assert selected(MODE="throughput", PRECISION="avx_fp32", CASE_TYPE="gated") == name


def test_what_is_not_given_ranges_over_all() -> None:
    assert selected(MODE="latency") == [f"inference_latency_{one}" for one in NATIVE]
    assert selected(PRECISION="FP32") == [
        "inference_throughput_fp32",
        "inference_latency_fp32",
        "inference_accuracy_fp32",
    ]
    assert len(selected(CASE_TYPE="gated")) == 9


def test_a_precision_that_torch_has_no_kernels_for_is_not_among_all() -> None:
    asked = collect({}, ["MODE=throughput"], {})
    names = select([], None, asked, synthetic_hosts.graviton2())
    assert [name.precision for name in names] == ["arm_fp32"]


def test_options_narrow_a_glob_and_the_environment_does_not() -> None:
    assert selected("*int8", sets=("MODE=latency",)) == ["inference_latency_avx_int8"]
    assert selected("*latency*", sets=("PRECISION=int8",)) == ["inference_latency_avx_int8"]
    assert len(selected("*int8", MODE="latency")) == 3


def test_an_expression_that_comes_to_no_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_PATIENCE_S", 0.1)
    began = time.monotonic()
    with pytest.raises(UsageError, match="does not come to an end"):
        select((), "(([a-z_]+)+)+#", {}, synthetic_hosts.two_core_vm())
    assert time.monotonic() - began < 5
