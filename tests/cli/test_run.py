"""``r50bench run`` up to the point where something runs: plans, precedence, refusals."""

from __future__ import annotations

import json

import pytest

from r50bench.host import topology
from r50bench.parameters import PARAMETERS
from support import synthetic_hosts
from support.command_line import Call

pytestmark = pytest.mark.usefixtures("host")

DOCKER = {
    "WORKLOAD": "resnet50_pytorch_xeon_public",
    "PLATFORM": "SPR",
    "MODE": "throughput",
    "TOPOLOGY": "resnet50",
    "FUNCTION": "inference",
    "PRECISION": "avx_fp32",
    "BATCH_SIZE": "64",
    "STEPS": "100",
    "DATA_TYPE": "dummy",
    "CORES_PER_INSTANCE": "1",
    "WEIGHT_SHARING": "False",
    "CASE_TYPE": "",
    "VERBOSE": "False",
    "INSTANCE_MODE": "flex",
}


def test_every_parameter_is_an_option(r50bench_here: Call) -> None:
    out = r50bench_here("run", "--help").out
    for parameter in PARAMETERS:
        assert f"{parameter.option} " in out


def test_a_dry_run_shows_values_sources_cpus_and_notes(r50bench_here: Call) -> None:
    answer = r50bench_here(
        "run", "-N", "inference_latency_int8", "--cores-per-instance", "1", "--set", "STEPS=7",
        "--platform", "SPR",
    )  # fmt: skip
    assert (answer.code, answer.err) == (0, "")
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert "inference_latency_avx_int8" in lines
    assert "CORES_PER_INSTANCE 1 (option)" in lines
    assert "STEPS 7 (--set)" in lines
    assert "BATCH_SIZE 1 (default latency)" in lines
    assert "placement: 2 instances" in lines
    assert "instance 0: CPUs 0, memory node 0" in lines
    assert "instance 1: CPUs 1, memory node 0" in lines
    assert "! PLATFORM=SPR has no effect: this host is TURIN" in lines


def test_a_dry_run_names_the_cores_left_over(r50bench_here: Call) -> None:
    out = r50bench_here(
        "run", "-N", "inference_latency_int8", "--cores-per-instance", "1", "--instances", "1"
    ).out
    assert "left over: CPUs 0" in out


def test_a_dry_run_loads_no_torch_and_writes_nothing(r50bench_process: Call) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from r50bench.cli.main import run_command_line\n"
        "code = run_command_line(sys.argv[1:])\n"
        "print('torch' in sys.modules, list(Path().iterdir()), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    answer = r50bench_process("run", "--dry-run", "inference_latency_fp32", program=program)
    assert (answer.code, answer.err) == (0, "False []\n")


def test_the_main_job_is_throughput_and_latency_on_both_engines(r50bench_here: Call) -> None:
    plans = json.loads(r50bench_here("run", "--dry-run", "--json").out)
    assert len(plans) == 12
    assert [(plan["name"], plan["case"]["engine"]) for plan in plans[:4]] == [
        ("inference_throughput_avx_fp32", "torch"),
        ("inference_throughput_avx_fp32", "r50"),
        ("inference_latency_avx_fp32", "torch"),
        ("inference_latency_avx_fp32", "r50"),
    ]


def test_a_dry_run_measures_no_peak_and_says_that_names_decided(
    r50bench_here: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "read_host", synthetic_hosts.spr_two_sockets)
    answer = r50bench_here("run", "--dry-run")
    assert "! amx_bfloat16 before avx_bfloat16; amx_int8 before avx_int8 by name" in answer.out
    every = json.loads(r50bench_here("run", "--dry-run", "--json", "--all").out)
    assert len({plan["case"]["precision"] for plan in every}) == 6


def test_the_docker_line_of_the_original_workload_carries_over(
    r50bench_here: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in DOCKER.items():
        monkeypatch.setenv(name, value)
    (plan,) = json.loads(r50bench_here("run", "--dry-run", "--json").out)
    case = plan["case"]
    assert plan["name"] == "inference_throughput_avx_fp32"
    assert (case["batch_size"], case["instances"], case["cores_per_instance"]) == (64, 2, 1)
    assert plan["notices"] == [
        {"code": "no-effect", "text": "PLATFORM=SPR has no effect: this host is TURIN", "mend": ""}
    ]


@pytest.mark.parametrize(
    "options",
    [
        ["--batch_size=4", "--cores_per_instance=1", "--steps=10", "--VERBOSE"],
        ["--batch-size", "4", "--cores-per-instance", "1", "--steps", "10", "--verbose"],
        ["--set", "BATCH_SIZE=4", "--set", "cores_per_instance=1", "--set", "STEPS=10",
         "--set", "VERBOSE=on"],
    ],
)  # fmt: skip
def test_options_may_be_spelled_as_the_original_workload_spells_them(
    r50bench_here: Call, options: list[str]
) -> None:
    answer = r50bench_here("run", "-N", "--json", "inference_latency_int8", *options)
    case = json.loads(answer.out)[0]["case"]
    asked = ("batch_size", "cores_per_instance", "steps", "verbose")
    assert [case[name] for name in asked] == [4, 1, 10, True]


def test_a_flag_can_be_taken_back(r50bench_here: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERBOSE", "1")
    answer = r50bench_here("run", "-N", "--json", "inference_latency_int8", "--no-verbose")
    assert json.loads(answer.out)[0]["case"]["verbose"] is False


def test_equal_cases_are_planned_once(r50bench_here: Call) -> None:
    answer = r50bench_here(
        "run", "-N", "--json", "inference_latency_int8", "inference_latency_avx_int8"
    )
    assert len(json.loads(answer.out)) == 1


def test_variables_that_reach_nothing_are_said_in_the_plan(r50bench_here: Call) -> None:
    answer = r50bench_here(
        "run", "-N", "inference_latency_int8", "--customer-env", "KMP_BLOCKTIME=1 A='2 3'"
    )
    assert "! KMP_BLOCKTIME has no effect" in answer.out
    assert "KMP_BLOCKTIME=1 A='2 3' (option)" in answer.out


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["inference_thruput_int8"], 2, "unknown case"),
        (["training_latency_fp32"], 2, "training is not supported"),
        (["--function", "training"], 2, "training is not supported"),
        (["inference_latency_amx_int8"], 6, "cannot run amx_int8"),
        (["inference_*", "--set", "BACH_SIZE=2"], 2, "unknown parameter 'BACH_SIZE'"),
        (["inference_latency_int8", "--mode", "throughput"], 2, "contradicts the case name"),
        (["inference_latency_int8", "--instances", "9"], 2, "not fit"),
        (["inference_latency_int8", "--batch-size", "1 2 4"], 2, "takes one value"),
        (["--weight-sharing"], 2, "weight sharing is not supported for avx_fp32"),
        (["-R", "("], 2, "no regular expression"),
        (["inference_latency_int8", "--all"], 2, "--all is about the main job"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_hint(
    r50bench_here: Call, args: list[str], code: int, message: str
) -> None:
    answer = r50bench_here("run", *args)
    assert (answer.code, answer.out) == (code, "")
    assert message in answer.err
    assert "  hint: " in answer.err
