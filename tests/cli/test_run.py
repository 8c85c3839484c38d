"""``r50bench run``: plans, precedence and refusals; and one case of the fake engine to its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from r50bench.host import topology
from r50bench.parameters import PARAMETERS
from r50bench.results.history import History
from support import synthetic_hosts
from support.command_line import Call
from support.docker_line import DOCKER_LINE

pytestmark = pytest.mark.usefixtures("host")

FAKE = (
    *("--engine", "fake", "--weights", "random", "--cores-per-instance", "1"),
    *("--instances", "1", "--steps", "50"),
)


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


def test_an_empty_folder_to_write_to_means_the_default(r50bench_fake: Call, tmp_path: Path) -> None:
    answer = r50bench_fake("run", "inference_throughput_fp32", *FAKE, "--out", "")
    assert answer.code == 0, answer.err
    assert [path.name for path in tmp_path.glob("*runs*")] == ["r50bench-runs"]
    assert not list(tmp_path.glob("*/record.json"))


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
    for name, value in (DOCKER_LINE | {"CORES_PER_INSTANCE": "1"}).items():
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


def test_a_dry_run_names_the_environment_where_it_made_the_name(
    r50bench_here: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODE", "throughput")
    monkeypatch.setenv("R50BENCH_PRECISION", "avx_fp32")
    lines = {" ".join(line.split()) for line in r50bench_here("run", "-N").out.splitlines()}
    assert {"MODE throughput (environment)", "PRECISION avx_fp32 (environment)"} <= lines
    assert not any(line.endswith("(name)") for line in lines)
    lines = r50bench_here("run", "-N", "--precision", "fp32").out.splitlines()
    assert sum("PRECISION" in line and "(option, best here)" in line for line in lines) == 1


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


def test_one_case_prints_its_kpi_block_and_keeps_it(r50bench_fake: Call, tmp_path: Path) -> None:
    answer = r50bench_fake("run", "inference_latency_fp32", *FAKE)
    assert answer.code == 0, answer.err
    assert "*Average Latency (ms): 2\n" in answer.out
    (folder,) = (tmp_path / "r50bench-runs").iterdir()
    block = (folder / "kpi.txt").read_text()
    assert answer.out.startswith(block)
    assert answer.out.splitlines()[-1].endswith(f"r50bench kpi r50bench-runs/{folder.name}")
    assert r50bench_fake("kpi").out == block
    assert (tmp_path / "data" / "history.sqlite").exists()


def test_json_gives_records_with_their_kpis_and_nothing_else(r50bench_fake: Call) -> None:
    answer = r50bench_fake("run", "--json", "inference_latency_fp32", *FAKE, "--platform", "SPR")
    (record,) = json.loads(answer.out)
    assert record["name"].startswith("inference_latency_")
    assert record["status"] == "valid"
    assert record["request"]["steps"] == {"value": 50, "source": "option"}
    assert {kpi["name"]: kpi["value"] for kpi in record["kpis"]}["Average Latency"] == 2.0
    assert "PLATFORM=SPR has no effect" in answer.err


def test_a_failed_case_exits_5_without_kpi_and_keeps_its_reason(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    answer = r50bench_fake("run", "inference_latency_fp32", *FAKE, FAKE_FAULT="kill@30#0")
    assert answer.code == 5
    assert "Average" not in answer.out
    assert "SIGKILL" in answer.err
    (folder,) = (tmp_path / "r50bench-runs").iterdir()
    record = json.loads((folder / "record.json").read_text())
    assert record["status"] == "invalid"
    assert "SIGKILL" in record["reason"]
    assert "Average" not in (folder / "kpi.txt").read_text()
    assert r50bench_fake("kpi").code == 5


@pytest.mark.parametrize("dry", [["-N"], []])
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--dataset", "nowhere"], "the data set nowhere does not exist"),
        (["--weights", "nowhere.pth"], "there is no such file"),
        (["--weights", "random"], "random weights cannot be scored"),
    ],
)
def test_what_a_case_names_and_is_not_there_is_refused_before_anything_runs(
    r50bench_fake: Call, tmp_path: Path, dry: list[str], asked: list[str], said: str
) -> None:
    cases = ("inference_latency_fp32", "inference_accuracy_fp32")
    options = ("--data-type", "real", "--cores-per-instance", "1", "--instances", "1")
    answer = r50bench_fake("run", *dry, *cases, *options, *asked)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert "hint:" in answer.err
    assert "connecting" not in answer.err
    assert not list(tmp_path.glob("r50bench-runs/*"))


def test_a_case_that_cannot_start_prints_nothing_on_stdout(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    answer = r50bench_fake(
        "run", "inference_latency_fp32", *FAKE, "--data-type", "real", "--dataset", "empty"
    )
    assert answer.code in (2, 5)
    assert answer.out == ""
    assert "empty" in answer.err
    assert not list(tmp_path.glob("r50bench-runs/*"))


def test_a_history_that_cannot_be_written_costs_no_result(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    answer = r50bench_fake(
        "run", "inference_latency_fp32", *FAKE, R50BENCH_DATA=str(tmp_path / "file")
    )
    assert answer.code == 0
    assert "is not in the history" in answer.err


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process_and_no_record(
    fake_environment: dict[str, str], tmp_path: Path, sign: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "r50bench", "run", "inference_latency_fp32", *FAKE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=fake_environment | {"FAKE_FAULT": "hang@30"},
        start_new_session=True,
    )
    assert process.stderr is not None
    heard = ""
    while "measuring" not in heard:
        heard += process.stderr.readline()
    asked = time.monotonic()
    process.send_signal(sign)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - asked < 2
    assert (process.returncode, out) == (130, "")
    assert err.endswith("r50bench: interrupted\n")
    assert not list(tmp_path.glob("r50bench-runs/*"))
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.mark.parametrize("cases", [("inference_throughput_fp32",), ("inference_*_fp32",)])
def test_what_nobody_takes_is_in_the_history_all_the_same(
    fake_environment: dict[str, str], tmp_path: Path, cases: tuple[str, ...]
) -> None:
    args = ("run", *cases, *FAKE, "--set", "MODE=throughput", "--out", "here")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "r50bench", *args],
            cwd=tmp_path,
            env=fake_environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, "no space is left" in done.stderr) == (5, True)
    folders = {path.parent.name for path in (tmp_path / "here").glob("[!.]*/record.json")}
    with History(Path(fake_environment["R50BENCH_DATA"]) / "history.sqlite") as history:
        assert {entry.id for entry in history.entries()} == folders != set()
