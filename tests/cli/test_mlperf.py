"""``r50bench mlperf``: plans, refusals, and a whole run with the fake engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import r50bench
from r50bench.host.topology import read_host
from r50bench.parameters.workflow import WORKFLOW
from r50bench.precision import NUMERICS
from support.checkpoints import flat_npz
from support.command_line import Call


@pytest.fixture
def fake_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of a run that needs no assets; its history and cache are the test's own."""
    monkeypatch.setenv("R50BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("R50BENCH_CACHE", str(tmp_path / "cache"))
    flat_npz(tmp_path / "weights.npz")
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(np.zeros((224, 224, 3), np.uint8)).save(folder / "0.JPEG")
    (folder / "val_map.txt").write_text("0.JPEG 7\n")
    weights = f"--weights={tmp_path / 'weights.npz'}"
    return ["mlperf", "--engine=fake", weights, f"--dataset={folder}", f"--out={tmp_path / 'runs'}"]


def test_every_parameter_of_the_workflow_is_an_option(r50bench_here: Call) -> None:
    out = r50bench_here("mlperf", "--help").out
    for row in WORKFLOW:
        assert all(option in out for option in row.options)


def test_the_workflows_spellings_and_settings_mean_the_same(
    r50bench_here: Call, host: object
) -> None:
    ways = [
        ("--scenario", "Server", "--target-qps", "70", "--mode", "PerformanceOnly"),
        ("--loadgen_scenario=Server", "--loadgen_target_qps=70", "--loadgen_mode=PerformanceOnly"),
        (
            "--set", "loadgen_scenario=Server", "--set", "LOADGEN_TARGET_QPS=70",
            "--set", "loadgen_mode=PerformanceOnly",
        ),
    ]  # fmt: skip
    plans = [json.loads(r50bench_here("mlperf", "-N", "--json", *way).out) for way in ways]
    assert plans[0] == plans[1] == plans[2]
    assert plans[0]["loadgen"]["target_qps"] == 70
    assert plans[0]["name"] == "mlperf_Server_PerformanceOnly_avx_fp32"


def test_variables_that_reach_nothing_are_said_in_the_plan(
    r50bench_here: Call, host: object
) -> None:
    asked = ("mlperf", "-N", "--customer-env", "KMP_BLOCKTIME=1")
    assert "! KMP_BLOCKTIME has no effect" in r50bench_here(*asked).out
    (notice,) = json.loads(r50bench_here(*asked, "--json").out)["notices"]
    assert notice["code"] == "no-effect"


def test_settings_of_loadgen_that_do_nothing_are_said_in_the_plan(
    r50bench_here: Call, host: object
) -> None:
    out = r50bench_here("mlperf", "-N", "--duration", "3").out
    assert "! loadgen_duration_s=3 has no effect: AccuracyOnly times nothing" in out


@pytest.mark.parametrize(
    ("scenario", "layout"),
    [
        (
            "Offline",
            {"instances": 1, "cores_per_instance": 2, "batch_size": NUMERICS["fp32"].best_batch},
        ),
        ("SingleStream", {"instances": 1, "cores_per_instance": 2, "batch_size": 1}),
        ("MultiStream", {"instances": 1, "cores_per_instance": 2, "batch_size": 8}),
        ("Server", {"instances": 1, "cores_per_instance": 2, "batch_size": 1}),
    ],
)
def test_every_scenario_has_a_layout_of_its_own(
    r50bench_here: Call, host: object, scenario: str, layout: dict[str, int]
) -> None:
    plan = json.loads(r50bench_here("mlperf", "-N", "--json", "--scenario", scenario).out)
    assert layout.items() <= plan["case"].items()
    assert plan["case"]["data_type"] == "real"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scenario", "Oflline"), "did you mean offline"),
        (("--scenario", "SingleStream", "--batch-size", "4"), "one sample at a time"),
        (("--set", "loadgen_targt_qps=3"), "did you mean loadgen_target_qps"),
        (("--target-qps", "0"), "greater than 0"),
        (("--target-latency", "5"), "no meaning in Offline"),
        (("--dataset-size", "21"), "the data set holds 20 pictures"),
        (("--dataset", "/nowhere"), "/nowhere does not exist"),
        (("--weights", "nowhere.pth"), "there is no such file"),
        (("--weights", "random"), "random weights cannot be scored"),
        (("--weights", "random", "--mode", "SubmissionRun"), "random weights means nothing"),
    ],
)
def test_what_cannot_be_run_is_refused_with_exit_code_2(
    r50bench_here: Call, host: object, arguments: tuple[str, ...], said: str
) -> None:
    answer = r50bench_here("mlperf", "-N", *arguments)
    assert answer.code == 2
    assert said in answer.err


def test_parameters_of_the_closed_loop_are_said_to_have_no_effect(
    r50bench_here: Call, host: object
) -> None:
    out = r50bench_here("mlperf", "-N", "--set", "STEPS=7").out
    assert "STEPS=7 (--set) has no effect: LoadGen decides" in out


def test_the_parent_loads_neither_torch_nor_loadgen(
    r50bench_process: Call, fake_arguments: list[str]
) -> None:
    program = (
        "import sys\n"
        "from r50bench.cli.main import run_command_line\n"
        "code = run_command_line(sys.argv[1:])\n"
        "print([name for name in ('torch', 'mlperf_loadgen') if name in sys.modules])\n"
        "sys.exit(code)\n"
    )
    answer = r50bench_process(*fake_arguments, program=program)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1] == "[]"


def test_an_accuracy_run_prints_mlperfs_line_and_says_it_does_not_comply(
    r50bench_here: Call, fake_arguments: list[str], tmp_path: Path
) -> None:
    answer = r50bench_here(*fake_arguments, "-q", "--customer-env", "FAKE_ANSWERS=7")
    assert answer.code == 0, answer.err
    assert "accuracy=100.000%, good=1, total=1" in answer.out
    assert "not compliant: 1 of 50,000 pictures" in answer.out
    (run,) = (tmp_path / "runs").iterdir()
    block = (run / "kpi.txt").read_text()
    assert "*Accuracy (%): 100" in block
    assert "not compliant" in block
    again = r50bench_here("kpi", str(run))
    assert again.out == block


def test_a_notice_is_said_once(r50bench_here: Call, fake_arguments: list[str]) -> None:
    asked = ("--set", "STEPS=7", "--customer-env", "FAKE_ANSWERS=7")
    answer = r50bench_here(*fake_arguments, *asked)
    assert answer.code == 0, answer.err
    said = [line for line in (answer.err + answer.out).splitlines() if line.startswith("! ")]
    assert "! STEPS=7 (--set) has no effect: LoadGen decides" in said
    assert len(said) == len(set(said))


def test_a_timed_run_prints_verdict_score_raw_figure_and_compliance(
    r50bench_here: Call, fake_arguments: list[str]
) -> None:
    engine = "FAKE_REALTIME=1 FAKE_LATENCIES_NS=1000000"
    answer = r50bench_here(
        *fake_arguments, "-q", "--mode=PerformanceOnly", "--duration=1", "--customer-env", engine
    )
    assert answer.code == 0, answer.err
    lines = dict(line.split("  ", 1) for line in answer.out.splitlines() if "  " in line)
    assert lines["verdict"].strip() == "VALID"
    assert "samples/s" in lines["performance"]
    assert "harness overhead" in lines["raw engine"]
    assert "not compliant: 1 s instead of 600" in lines["MLPerf"]


@contextmanager
def under_way(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Starts a run of the fake engine, and is there from when LoadGen has begun."""
    program = "from r50bench.cli.main import main; main()"
    engine = "FAKE_REALTIME=1 FAKE_LATENCIES_NS=1000000"
    with subprocess.Popen(
        [
            sys.executable, "-c", program, *arguments,
            "--mode=PerformanceOnly", "--customer-env", engine,
        ],
        env=os.environ | {"PYTHONPATH": str(Path(r50bench.__file__).parents[1])},
        stderr=subprocess.PIPE,
        text=True,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        for line in running.stderr:
            if "  LoadGen" in line:
                break
        time.sleep(0.5)
        yield running


def test_ctrl_c_leaves_nothing_and_exits_with_130(
    fake_arguments: list[str], tmp_path: Path
) -> None:
    with under_way([*fake_arguments, "--scenario=Server"]) as running:
        running.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert running.wait(20) == 130
        assert time.monotonic() - began < 5
    assert not (tmp_path / "runs").exists()


def worker_of(parent: int) -> int:
    """Returns the one child of a run."""
    (child,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(child)


def threads_of(process: int) -> list[int]:
    """Returns the threads of a process by their kernel ids."""
    return [int(thread) for thread in os.listdir(f"/proc/{process}/task")]


@pytest.mark.skipif(len(read_host().cores) < 2, reason="there is one core only")
def test_loadgens_own_threads_keep_off_the_core_of_the_instance(fake_arguments: list[str]) -> None:
    one_core = ["--scenario=SingleStream", "--cores-per-instance=1", "--duration=6"]
    with under_way([*fake_arguments, *one_core]) as running:
        worker = worker_of(running.pid)
        cores = os.sched_getaffinity(worker)
        bound = [os.sched_getaffinity(thread) for thread in threads_of(worker)]
        policies = {os.sched_getscheduler(thread) for thread in threads_of(worker)}
        running.send_signal(signal.SIGINT)
    assert len(cores) == 1
    assert cores in bound
    assert any(cores.isdisjoint(cpus) for cpus in bound)
    assert policies == {os.SCHED_OTHER}


@pytest.mark.skipif(
    any(len(core.cpus) > 1 for core in read_host().cores), reason="LoadGen has sibling CPUs here"
)
def test_where_an_instance_has_every_core_loadgens_own_threads_let_it_go_first(
    fake_arguments: list[str],
) -> None:
    every_core = ["--scenario=SingleStream", f"--cores-per-instance={len(read_host().cores)}"]
    with under_way([*fake_arguments, *every_core, "--duration=6"]) as running:
        threads = threads_of(worker_of(running.pid))
        idle = [one for one in threads if os.sched_getscheduler(one) == os.SCHED_IDLE]
        running.send_signal(signal.SIGINT)
    assert 0 < len(idle) < len(threads)
