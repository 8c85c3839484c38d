"""``r50bench list``."""

from __future__ import annotations

import json

import pytest

from support.command_line import Call

pytestmark = pytest.mark.usefixtures("host")


def test_every_designed_case_is_listed_with_its_effective_parameters(r50bench_here: Call) -> None:
    answer = r50bench_here("list")
    lines = answer.out.splitlines()
    assert answer.code == 0
    assert lines[0] == "TURIN: AMD EPYC · 1 socket, 2 of 2 cores, 1 NUMA node"
    cells = {line.split()[0]: line.split()[1:] for line in lines[3:] if line and line[0] != "!"}
    assert cells["inference_latency_avx_int8"] == ["1", "1", "2", "100", "20", "dummy"]
    assert cells["inference_latency_avx_int8_gated"] == ["1", "1", "2", "10", "5", "dummy"]
    assert cells["inference_accuracy_avx_fp32"][-3:] == ["-", "0", "real"]
    assert len(cells) == 18
    assert lines.count("") == 3
    assert lines[-1].startswith("! an instance has 2 cores, and not the 4 of latency mode")


@pytest.mark.parametrize(
    ("platform", "header", "case"),
    [
        ("ICX", "2 sockets, 80 of 80 cores, 2 NUMA nodes", "inference_latency_avx_int8"),
        ("spr", "2 sockets, 112 of 112 cores", "inference_throughput_amx_bfloat32_pkm"),
        ("EMR", "nominal EMR", "inference_accuracy_amx_int8"),
        ("GNR", "6 NUMA nodes", "inference_throughput_amx_bfloat16_gated"),
        ("GENOA", "nominal GENOA", "inference_throughput_avx_bfloat16"),
        ("ARMv8", "nominal ARMv8", "inference_throughput_arm_fp32_pkm"),
        ("ARMv9", "nominal ARMv9", "inference_latency_arm_bf16"),
    ],
)
def test_another_platforms_cases_are_those_of_a_nominal_machine(
    r50bench_here: Call, platform: str, header: str, case: str
) -> None:
    answer = r50bench_here("list", "--platform", platform)
    assert answer.code == 0
    assert answer.out.startswith("nominal ")
    assert header in answer.out.splitlines()[0]
    assert case in answer.out.split()


def test_amx_is_not_listed_where_there_is_none(r50bench_here: Call) -> None:
    assert "amx" not in r50bench_here("list", "--platform", "ICX").out


@pytest.mark.parametrize("platform", ["ARMv8", "ARMv9"])
def test_arm_platforms_show_the_machine_table(r50bench_here: Call, platform: str) -> None:
    out = r50bench_here("list", "--platform", platform).out
    for machine in ("Graviton2/m6g", "Graviton3/m7g", "c4a-standard", "Dpsv6"):
        assert machine in out
    assert "Graviton" not in r50bench_here("list", "--platform", "SPR").out


def test_globs_choose_among_the_cases(r50bench_here: Call) -> None:
    out = r50bench_here("list", "*latency*int8", "*accuracy*int8").out
    names = [line.split()[0] for line in out.splitlines()[3:] if line and line[0] != "!"]
    assert names == ["inference_latency_avx_int8", "inference_accuracy_avx_int8"]


def test_json_says_the_same(r50bench_here: Call) -> None:
    data = json.loads(r50bench_here("list", "--json", "--platform", "SPR", "*latency*int8").out)
    assert (data["platform"], data["nominal"]) == ("SPR", True)
    names = [case["name"] for case in data["cases"]]
    assert names == ["inference_latency_avx_int8", "inference_latency_amx_int8"]
    assert data["cases"][0]["cores_per_instance"] == 4


def test_a_misspelt_platform_is_answered_with_the_nearest(r50bench_here: Call) -> None:
    answer = r50bench_here("list", "--platform", "GENOVA")
    assert answer.code == 2
    assert "GENOA" in answer.err


def test_a_glob_that_matches_nothing_is_wrong_usage(r50bench_here: Call) -> None:
    assert r50bench_here("list", "training_*").code == 2


@pytest.mark.parametrize(
    ("word", "model"),
    [
        ("Graviton2", "Graviton2"),
        ("m6g", "Graviton2"),
        ("graviton3/m7g", "Graviton3"),
        ("m7g", "Graviton3"),
        ("Graviton4", "Graviton3"),
        ("m8g", "Graviton3"),
        ("Axion", "Graviton3"),
        ("c4a", "Graviton3"),
        ("Cobalt 100", "Graviton3"),
        ("c4a-standard", "Graviton3"),
        ("Dpsv6", "Graviton3"),
    ],
)
def test_a_machine_of_the_arm_workload_names_its_platform(
    r50bench_here: Call, word: str, model: str
) -> None:
    answer = r50bench_here("list", "--platform", word)
    assert answer.code == 0
    assert model in answer.out.splitlines()[0]


def test_a_platform_that_there_is_none_of_is_refused_by_a_run_as_by_list(
    r50bench_here: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORM", "foo")
    answer = r50bench_here("run", "-N", "inference_latency_fp32", "--engine", "fake")
    assert answer.code == 2
    assert "unknown platform 'foo'" in answer.err
