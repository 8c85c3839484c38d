"""``r50bench sweep`` with the fake engine: points, order, resuming, what is printed and left."""

from __future__ import annotations

import csv
import functools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Call

FAKE = ("--engine", "fake", "--weights", "random", "--steps", "20", "--warmup-steps", "1")
GRID = ("--set", "BATCH_SIZE=1 2", "--set", "CORES_PER_INSTANCE=1")
CASE = "inference_throughput_fp32"


@pytest.fixture
def call(r50bench_fake: Call) -> Call:
    """Runs ``r50bench sweep``."""
    return functools.partial(r50bench_fake, "sweep")


def batches(folder: Path) -> Counter[int]:
    """Returns how many valid records there are of each batch size."""
    found = [json.loads(path.read_text()) for path in folder.glob("[!.]*/record.json")]
    return Counter(one["case"]["batch_size"] for one in found if one["status"] == "valid")


def planned(r50bench_here: Call, *args: str) -> list[dict[str, str]]:
    answer = r50bench_here("sweep", "-N", "--json", *args)
    assert answer.code == 0, answer.err
    points: list[dict[str, str]] = json.loads(answer.out)["points"]
    return points


@pytest.mark.usefixtures("host")
def test_without_any_list_the_full_grid_of_batches_and_cores_is_planned(
    r50bench_here: Call,
) -> None:
    points = planned(r50bench_here, CASE)
    assert [tuple(point["set"].values()) for point in points] == [
        (str(batch), str(cores)) for batch in (1, 2, 4, 8, 16, 32, 64) for cores in (1, 2)
    ]
    assert len(planned(r50bench_here, CASE, "--batch-size", "8")) == 2
    assert len(planned(r50bench_here)) == 3 * 14


@pytest.mark.usefixtures("host")
def test_an_empty_value_leaves_its_parameter_in_the_full_grid(
    r50bench_here: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R50BENCH_BATCH_SIZE", "4")  # an empty value hides what is weaker
    assert planned(r50bench_here, CASE, "--set", "BATCH_SIZE=") == planned(
        r50bench_here, CASE, "--set", "BATCH_SIZE=1 2 4 … 64", "--set", "CORES_PER_INSTANCE=1 2"
    )


def test_parts_that_were_swept_are_said_to_come_from_set(call: Call, tmp_path: Path) -> None:
    sets = ("--set", "PRECISION=fp32 bf32", "--set", "BATCH_SIZE=1", "--set", "STEPS=3")
    call(CASE, *FAKE, *sets, "--cores-per-instance", "1", "--out", str(tmp_path / "sweep"))
    (record,) = (json.loads(path.read_text()) for path in tmp_path.glob("sweep/*/record.json"))
    assert record["request"]["precision"]["source"] == "--set, best here"
    assert record["request"]["mode"]["source"] == "name"


@pytest.mark.usefixtures("host")
def test_swept_parts_of_the_name_take_its_place(r50bench_here: Call) -> None:
    args = ("--set", "PRECISION=fp32 int8", "--set", "MODE=throughput latency")
    names = [point["name"] for point in planned(r50bench_here, CASE, *args)]
    assert names == [
        "inference_throughput_avx_fp32",
        "inference_latency_avx_fp32",
        "inference_throughput_avx_int8",
        "inference_latency_avx_int8",
    ]


@pytest.mark.usefixtures("host")
def test_zip_takes_values_side_by_side_and_equal_cases_are_one_point(r50bench_here: Call) -> None:
    grid = ("--set", "BATCH_SIZE=1 2 1", "--set", "CORES_PER_INSTANCE=1 2", "--zip")
    assert [tuple(point["set"].values()) for point in planned(r50bench_here, CASE, *grid)] == [
        ("1", "1"),
        ("2", "2"),
    ]
    same = ("--set", "PRECISION=fp32 avx_fp32", "--set", "BATCH_SIZE=1 2")
    assert len(planned(r50bench_here, CASE, *same)) == 2


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--set", "BATCH_SIZE=1 0"], 2, "BATCH_SIZE=0"),
        (
            ["--set", "BATCH_SIZE=1 2", "--batch-size", "4"],
            2,
            "one value by --batch-size and several",
        ),
        (["--set", "WEIGHTS=v1 random"], 2, "WEIGHTS takes one value in a sweep"),
        (["--set", "REPEAT=1 2"], 2, "REPEAT takes one value in a sweep"),
        (["--set", "CORES_PER_INSTANCE=3 4"], 2, "1 instance of 3 cores does not fit"),
        (["--set", "PRECISION=amx_int8 amx_bfloat16"], 6, "amx"),
        (["--resume", "here", "--set", "BATCH_SIZE=1 2"], 2, "takes nothing beside it"),
        (["--resume", "nowhere"], 2, "nowhere holds no sweep"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_anything_runs(
    r50bench_here: Call, args: list[str], code: int, said: str
) -> None:
    case = [] if "--resume" in args else [CASE]
    answer = r50bench_here("sweep", *case, *args)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err


def test_a_sweep_ends_with_the_best_the_front_and_what_could_not_run(
    call: Call, tmp_path: Path
) -> None:
    cores = len(os.sched_getaffinity(0)) + 1
    grid = ("--set", f"BATCH_SIZE=1 2/CORES_PER_INSTANCE=1 {cores}")
    answer = call(CASE, *FAKE, "--instances", "1", *grid, "--out", "here")
    assert answer.code == 0, answer.err
    assert "throughput: 2 of 4 points" in answer.out
    assert answer.out.count("cannot run") == 2
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    best = lines.index("best per precision (img/s, the most)")
    assert lines[best + 1] == "precision BS CPI CPU value"
    assert lines[best + 3].startswith("avx_fp32 2 1 ")
    assert lines[best + 3].endswith(" 1000")
    assert lines[lines.index("Pareto front of avx_fp32") + 3] == "2 1 2.000 1000"
    assert f"CORES_PER_INSTANCE={cores} and 1 more: 1 instance of {cores} cores" in answer.out
    page = (tmp_path / "here" / "sweep.html").read_text()
    assert "<svg" in page
    assert "<script" not in page
    rows = list(csv.DictReader((tmp_path / "here" / "points.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == ["measured", "refused", "measured", "refused"]
    assert float(rows[0]["Average Throughput (img/s)"]) == pytest.approx(500)


def test_a_sweep_goes_on_with_the_same_command_and_refuses_another(
    call: Call, tmp_path: Path
) -> None:
    first = call(CASE, *FAKE, *GRID, "--out", "here")
    again = call(CASE, *FAKE, *GRID, "--out", "here", "--json")
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert batches(tmp_path / "here") == {1: 1, 2: 1}
    assert {point["status"] for point in json.loads(again.out)["points"]} == {"measured"}
    other = call(CASE, *FAKE, "--set", "BATCH_SIZE=1 4", "--out", "here")
    assert other.code == 2
    assert "holds another sweep" in other.err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert "is not empty and holds no sweep" in call(CASE, *GRID, "--out", "full").err


def test_a_point_that_fails_is_named_and_tried_again_by_resume(call: Call, tmp_path: Path) -> None:
    fake = ("--engine", "fake", "--weights", "random", "--warmup-steps", "1")
    grid = ("--instances", "1", "--set", "STEPS=5 40")
    failed = call(CASE, *fake, *grid, "--out", "here", FAKE_FAULT="kill@30")
    assert failed.code == 5
    assert "1 of 2 points failed" in failed.err
    assert "SIGKILL" in failed.out
    assert "go on with: r50bench sweep --resume here" in failed.out
    mended = call("--resume", "here")
    assert mended.code == 0, mended.err
    assert "2 of 2 points" in mended.out
    assert sum(batches(tmp_path / "here").values()) == 2


RUINS: dict[str, Callable[[Path], object]] = {
    "a torn record": lambda run: os.truncate(run / "record.json", 100),
    "an empty record": lambda run: os.truncate(run / "record.json", 0),
    "a nested record": lambda run: (run / "record.json").write_text("[" * 5000),
    "torn samples": lambda run: os.truncate(run / "samples.csv", 50),
    "lost samples": lambda run: (run / "samples.csv").unlink(),
}


@pytest.mark.parametrize("ruin", RUINS.values(), ids=RUINS)
def test_a_damaged_run_is_named_kept_aside_and_measured_again(
    call: Call, tmp_path: Path, ruin: Callable[[Path], object]
) -> None:
    assert call(CASE, *FAKE, *GRID, "--out", "here").code == 0
    here = tmp_path / "here"
    bad, good = sorted(path.parent for path in here.glob("[!.]*/record.json"))
    whole = (good / "record.json").read_bytes()
    ruin(bad)
    kept = {path.name: path.read_bytes() for path in bad.iterdir() if path.is_file()}
    answer = call("--resume", "here")
    assert answer.code == 0, answer.err
    aside = here / f".damaged-{bad.name}"
    assert f"{bad.name} is damaged, and its point is measured again" in answer.err
    assert f"it is kept as here/{aside.name}" in answer.err
    assert {path.name: path.read_bytes() for path in aside.iterdir() if path.is_file()} == kept
    assert batches(here) == {1: 1, 2: 1}
    assert (good / "record.json").read_bytes() == whole
    assert "damaged" not in call("--resume", "here").err


def test_a_sweep_s_page_is_drawn_without_its_damaged_run(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    assert r50bench_fake("sweep", CASE, *FAKE, *GRID, "--out", "here").code == 0
    bad = min(path.parent for path in (tmp_path / "here").glob("[!.]*/record.json"))
    os.truncate(bad / "record.json", 100)
    answer = r50bench_fake("report", "here")
    assert bad.name in answer.err
    assert "Traceback" not in answer.err
    assert bad.is_dir()


def test_a_sweep_of_several_passes_gives_each_point_as_many_rounds(
    call: Call, tmp_path: Path
) -> None:
    answer = call(CASE, *FAKE, *GRID, "--repeat", "3", "--out", "here", "--json")
    assert answer.code == 0, answer.err
    assert batches(tmp_path / "here") == {1: 3, 2: 3}
    assert [point["passes"] for point in json.loads(answer.out)["points"]] == [3, 3]


def test_a_sweep_killed_thrice_and_resumed_has_the_points_of_an_undisturbed_one(
    call: Call, fake_environment: dict[str, str], tmp_path: Path
) -> None:
    args = (CASE, *FAKE, *GRID, "--repeat", "3", "--out", "here")
    chance = random.Random()
    for number in range(3):
        line = args if number == 0 else ("--resume", "here")
        process = subprocess.Popen(
            [sys.executable, "-m", "r50bench", "sweep", *line],
            cwd=tmp_path,
            env=fake_environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        before = sum(batches(tmp_path / "here").values())
        deadline = time.monotonic() + 60
        while not (tmp_path / "here" / "sweep.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        # At any moment of one measurement or two: while one loads, runs or is being kept.
        time.sleep(chance.uniform(0.0, 2.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert before <= sum(batches(tmp_path / "here").values()) <= 6
    last = call("--resume", "here", "--json")
    assert last.code == 0, last.err
    assert batches(tmp_path / "here") == {1: 3, 2: 3}
    points = json.loads(last.out)["points"]
    assert [(point["case"]["batch_size"], point["passes"]) for point in points] == [
        (1, 3),
        (2, 3),
    ]


def test_an_interrupted_sweep_shows_what_it_has_and_how_to_go_on(
    r50bench_ended: Call, tmp_path: Path
) -> None:
    words = ("sweep", CASE, *FAKE, *GRID, "--out", "here")
    answer = r50bench_ended(*words, begun=lambda: bool(batches(tmp_path / "here")))
    assert answer.code == 130, answer.err
    assert "not yet" in answer.out
    assert "r50bench sweep --resume here" in answer.out


def test_two_processes_do_not_work_on_one_sweep(
    call: Call, fake_environment: dict[str, str], tmp_path: Path
) -> None:
    args = (CASE, *FAKE, *GRID, "--out", "here")
    first = subprocess.Popen(
        [sys.executable, "-m", "r50bench", "sweep", *args],
        cwd=tmp_path,
        env=fake_environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "here" / "sweep.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        second = call(*args)
        assert second.code == 2
        assert "another process is at work" in second.err
    finally:
        first.kill()
        first.wait()
