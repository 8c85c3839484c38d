"""``r50bench byquery`` in processes of its own, with runs that are acted."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import r50bench
from r50bench.assets.store import Store
from support.checkpoints import flat_npz
from support.command_line import Answer, Call
from support.scripted_loadgen import PROGRAM

QUERY = "loadgen_output,classified_imagenet,framework=pytorch,loadgen_mode={},loadgen_scenario={}"
ACCURACY = QUERY.format("AccuracyOnly", "Offline")
PERFORMANCE = QUERY.format("PerformanceOnly", "Offline")
SIZE = "loadgen_dataset_size=500,loadgen_buffer_size=1024"
STREAM = QUERY.format("PerformanceOnly", "SingleStream")


class Asker:
    """Asks in one cache; ``runs`` counts the runs that began."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def have_pictures(self, count: int) -> None:
        """Makes a data set of so many pictures, all alike."""
        folder = self.folder / "pictures" / "n01440764"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8)).save(folder / "0.JPEG")
        for number in range(1, count):
            (folder / f"{number}.JPEG").write_bytes((folder / "0.JPEG").read_bytes())

    @property
    def runs(self) -> int:
        log = self.folder / "log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def start(self, line: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "byquery", *shlex.split(line)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.environment | variables,
        )

    def ask(self, line: str, **variables: str) -> Answer:
        return finished(self.start(line, **variables))

    def wait_for_run(self, process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 30
        while not self.runs:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)


def finished(process: subprocess.Popen[str]) -> Answer:
    out, err = process.communicate(timeout=60)
    return Answer(process.returncode, out, err)


@pytest.fixture
def asker(tmp_path: Path) -> Asker:
    flat_npz(tmp_path / "weights.npz")
    source, tests = Path(r50bench.__file__).parents[1], Path(__file__).parents[1]
    environment = os.environ | {
        "PYTHONPATH": f"{source}:{tests}",
        "R50BENCH_CACHE": str(tmp_path / "cache"),
        "R50BENCH_DATA": str(tmp_path / "data"),
        "R50BENCH_DATASET": str(tmp_path / "pictures"),
        "R50BENCH_WEIGHTS": str(tmp_path / "weights.npz"),
        "SCRIPT_LOG": str(tmp_path / "log"),
    }
    asker = Asker(tmp_path, environment)
    asker.have_pictures(20)
    return asker


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        (f"{ACCURACY} , get accuracy", "95.0"),
        (f"{ACCURACY},loadgen_dataset_size=20,model_name=resnet50 , get accuracy", "95.0"),
        (
            f"{ACCURACY},{SIZE} , get accuracy_report",
            "accuracy=95.000%, good=19, total=20",
        ),
        (
            f"{PERFORMANCE},{SIZE},loadgen_target_qps=169 , get performance",
            "171.966",
        ),
        (
            f"{STREAM},{SIZE},loadgen_target_latency=6 , get performance",
            "6200000",
        ),
        (f"{STREAM},{SIZE},loadgen_target_latency=6 , get latency_p90", "6123339"),
        (f"{ACCURACY} , get framework", "pytorch"),
        (f"{ACCURACY} , get loadgen_scenario", "Offline"),
        (f"{ACCURACY} , get loadgen_dataset_size", "20"),
        (f"{ACCURACY} , get model_name", "resnet50"),
        (f"{ACCURACY},task=image_classification,execution_device=cpu, get accuracy", "95.0"),
    ],
)
def test_the_workflow_s_lines_print_their_figure_and_nothing_else(
    asker: Asker, line: str, printed: str
) -> None:
    asker.have_pictures(500)
    answer = asker.ask(line)
    assert (answer.code, answer.out) == (0, f"{printed}\n"), answer.err
    again = asker.ask(line)
    assert (again.code, again.out) == (0, answer.out)
    assert "stored result" in again.err
    assert asker.runs == 1


def test_without_get_all_answers_are_printed(asker: Asker) -> None:
    answer = asker.ask(ACCURACY)
    lines = dict(line.split(": ", 1) for line in answer.out.splitlines())
    assert lines["accuracy"] == "95.0"
    assert (Path(lines["record"]) / "record.json").is_file()
    assert "None" not in answer.out


def test_a_dry_run_says_what_would_run_and_whether_it_did_already(asker: Asker) -> None:
    asker.have_pictures(500)
    line = f"{PERFORMANCE},loadgen_target_qps=169,{SIZE} , get performance"
    before = asker.ask(f"-N {line}")
    assert (before.code, asker.runs) == (0, 0), before.err
    assert "no stored result answers it: it would run" in before.out
    assert "LoadGen for about 660 s: as many samples as 600 s hold at 169/s" in before.out
    assert Store(asker.folder / "cache").entries() == ()
    asker.ask(line)
    after = asker.ask(f"--dry-run {line}")
    assert "answers it, unless weights or pictures have changed since" in after.out
    other = asker.ask(f"--dry-run {line.replace('169', '170')}")
    assert "no stored result answers it" in other.out
    assert asker.runs == 1


def test_a_dry_run_names_query_environment_and_defaults_as_what_they_are(asker: Asker) -> None:
    out = asker.ask(f"-N {ACCURACY},batch_size=4", INSTANCES="1", PRECISION="fp32").out
    lines = {" ".join(line.split()) for line in out.splitlines()}
    assert "BATCH_SIZE 4 (query)" in lines
    assert "ENGINE torch (default)" in lines or "ENGINE torch (query)" in lines
    assert "INSTANCES 1 (environment)" in lines
    assert any(line.startswith("PRECISION") and "(environment, best" in line for line in lines)
    assert not any("(name)" in line or "(option)" in line for line in lines)


def test_a_dry_run_refuses_what_a_run_would(asker: Asker) -> None:
    assert asker.ask(f"-N {ACCURACY} , get performance").code == 2
    assert asker.ask(f"-N {ACCURACY},framework=onnxruntime,engine=torch").code == 2


@pytest.mark.parametrize("option", ["", "-N "])
def test_more_pictures_than_there_are_are_refused_before_weights_are_sought(
    asker: Asker, option: str
) -> None:
    line = f"{option}{ACCURACY},{SIZE} , get accuracy"
    for dataset in ("sample", str(asker.folder / "pictures")):
        answer = asker.ask(line, R50BENCH_DATASET=dataset, R50BENCH_WEIGHTS="auto")
        assert (answer.code, answer.out) == (2, "")
        assert "loadgen_dataset_size=500, and the data set holds 20 pictures" in answer.err
        assert "--dataset DIR" in answer.err
        assert "connecting" not in answer.err
    assert Store(asker.folder / "cache").entries() == ()


def test_six_processes_that_ask_at_once_cause_one_run(asker: Asker) -> None:
    line = f"{ACCURACY} , get accuracy"
    processes = [asker.start(line, SCRIPT_SECONDS="2") for _ in range(6)]
    answers = [finished(process) for process in processes]
    assert [(answer.code, answer.out) for answer in answers] == [(0, "95.0\n")] * 6
    assert asker.runs == 1
    assert len(list((asker.folder / "r50bench-runs").iterdir())) == 1
    assert sum("run now" in answer.err for answer in answers) == 1


def test_a_killed_run_leaves_nothing_that_is_taken_for_a_result(asker: Asker) -> None:
    line = f"{ACCURACY} , get accuracy"
    killed = asker.start(line, SCRIPT_SECONDS="60")
    asker.wait_for_run(killed)
    killed.kill()
    finished(killed)
    assert not (asker.folder / "data" / "history.sqlite").exists()
    answer = asker.ask(line)
    assert (answer.code, answer.out) == (0, "95.0\n")
    assert "run now" in answer.err
    assert asker.runs == 2
    assert list((asker.folder / "cache" / ".making").iterdir()) == []


def test_who_waits_for_a_run_that_is_killed_runs_itself(asker: Asker) -> None:
    line = f"{ACCURACY} , get accuracy"
    killed = asker.start(line, SCRIPT_SECONDS="60")
    asker.wait_for_run(killed)
    waiting = asker.start(line)
    assert waiting.stderr is not None
    assert "waiting for it" in waiting.stderr.readline()
    killed.kill()
    finished(killed)
    answer = finished(waiting)
    assert (answer.code, answer.out) == (0, "95.0\n")
    assert asker.runs == 2


@pytest.mark.parametrize("ending", ["invalid", "failed"])
def test_a_failed_query_exits_5_and_prints_no_figure(asker: Asker, ending: str) -> None:
    answer = asker.ask(f"{PERFORMANCE} , get performance", SCRIPT_ENDING=ending)
    assert (answer.code, answer.out) == (5, "")
    assert "Traceback" not in answer.err


def test_a_failed_query_says_where_its_record_lies_however_quiet_it_is(asker: Asker) -> None:
    answer = asker.ask(f"-q {PERFORMANCE} , get performance", SCRIPT_ENDING="invalid")
    (run,) = (asker.folder / "r50bench-runs").iterdir()
    assert f"# record: r50bench-runs/{run.name}   look again: r50bench kpi" in answer.err
    assert answer.out == ""


def test_a_condition_that_the_result_does_not_meet_exits_3(asker: Asker) -> None:
    answer = asker.ask(f"'{ACCURACY},accuracy>=96 , get accuracy'")
    assert (answer.code, answer.out) == (3, "95.0\n")
    assert "accuracy>=96.0 does not hold" in answer.err
    assert asker.ask(f"'{ACCURACY},accuracy>=95 , get accuracy'").code == 0
    assert asker.runs == 1


def test_a_stored_answer_comes_quickly_and_without_torch(asker: Asker) -> None:
    line = f"{ACCURACY} , get accuracy"
    asker.ask(line)
    program = (
        "import sys\n"
        "from r50bench.cli.main import run_command_line\n"
        "code = run_command_line(sys.argv[1:])\n"
        "print({'torch', 'mlperf_loadgen'} & {*sys.modules}, file=sys.stderr)\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program, "byquery", "--quiet", *shlex.split(line)],
        capture_output=True,
        text=True,
        check=True,
        env=asker.environment,
    )
    assert (done.stdout, done.stderr) == ("95.0\n", "set()\n")
    assert time.monotonic() - began < 10  # under 2 s where nothing else runs


def test_a_run_by_query_is_in_the_history(asker: Asker) -> None:
    asker.ask(f"{ACCURACY} , get accuracy")
    done = subprocess.run(
        [sys.executable, "-m", "r50bench", "find", "loadgen_output,accuracy>90"],
        capture_output=True,
        text=True,
        check=True,
        env=asker.environment,
    )
    (run,) = (asker.folder / "r50bench-runs").iterdir()
    assert str(run) in done.stdout
    assert "95.000 %" in done.stdout


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("git_repo,collection,repo_name=axs2mlperf,checkout=stable", 0, "Nothing to import"),
        ("git_repo,collection,repo_name=axs2mlperf", 0, "Nothing to import"),
        ("git_repo,colection,repo=axs2mlperf", 2, "unknown key 'repo'"),
        ("python_package,package_name=numpy", 2, "unknown tag 'python_package'"),
        (f"{ACCURACY} , get performance", 2, "gives no performance"),
        (f"{ACCURACY} , get acuracy", 2, "did you mean accuracy"),
        (f"{ACCURACY},loadgen_datset_size=20 , get accuracy", 2, "loadgen_dataset_size"),
        (f"{ACCURACY},,x , get accuracy", 2, "empty term"),
        ("", 2, "no query"),
        ("x=$(y)\\'é🦆,[[ , get", 2, "hint"),
        (f"{ACCURACY},precision=amx_int8 , get accuracy", 6, "cannot run amx_int8"),
        (f"{ACCURACY},dataset=/nowhere , get accuracy", 2, "/nowhere does not exist"),
    ],
)
@pytest.mark.usefixtures("host")
def test_what_cannot_be_answered_is_said_in_words(
    r50bench_here: Call, line: str, code: int, message: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("R50BENCH_CACHE", str(tmp_path / "cache"))
    flat_npz(tmp_path / "weights.npz")
    monkeypatch.setenv("R50BENCH_WEIGHTS", str(tmp_path / "weights.npz"))
    answer = r50bench_here("byquery", *shlex.split(line))
    assert (answer.code, answer.out) == (code, "")
    assert message in answer.err
    assert "Traceback" not in answer.err
