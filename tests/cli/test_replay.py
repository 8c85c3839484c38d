"""``r50bench replay`` with the fake engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from r50bench.results.record import write_record
from support import records
from support.checkpoints import flat_npz
from support.command_line import Call

CASE = ("inference_latency_fp32", "--engine", "fake", "--weights", "random", "--steps", "50",
        "--cores-per-instance", "1", "--instances", "1", "--seed", "7")  # fmt: skip


@pytest.fixture
def record(r50bench_fake: Call, tmp_path: Path) -> Path:
    answer = r50bench_fake("run", *CASE)
    assert answer.code == 0, answer.err
    (folder,) = (tmp_path / "r50bench-runs").iterdir()
    return folder


def test_the_same_run_again_differs_in_nothing(
    r50bench_fake: Call, record: Path, tmp_path: Path
) -> None:
    # The environment would make another case of it; a replay asks the record alone.
    answer = r50bench_fake("replay", str(record), BATCH_SIZE="3", R50BENCH_SEED="8")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0] == f"{record.name}, once more:"
    assert "nothing else differs" in answer.out
    (latency,) = (line for line in lines if line.startswith("Average Latency"))
    assert latency.split()[3:] == ["2.000", "±", "0", "2.000", "±", "0", "+0.0", "%"]
    assert len(list((tmp_path / "r50bench-runs").iterdir())) == 2


def test_a_replay_is_compared_and_a_single_process_is_no_verdict(
    r50bench_fake: Call, record: Path
) -> None:
    once = r50bench_fake("replay", record.name, FAKE_LATENCIES_NS="3000000")
    assert once.code == 0, once.err
    (latency,) = (line for line in once.out.splitlines() if line.startswith("Average Latency"))
    assert "+50.0 %" in latency
    assert "too noisy to say" in once.out
    twice = r50bench_fake("replay", record.name, "--processes", "2", FAKE_LATENCIES_NS="3000000")
    assert twice.code == 0, twice.err
    (case,) = (line for line in twice.out.splitlines() if line.startswith("inference_latency"))
    assert case.split()[-1] == "slower"
    assert "1 / 2" in case


def test_a_replay_is_judged_by_undisturbed_batches_where_asked(
    r50bench_fake: Call, record: Path
) -> None:
    answer = r50bench_fake("replay", record.name, "--undisturbed")
    assert answer.code == 0, answer.err
    assert "0 of 1 process had enough undisturbed batches, as nothing looked" in answer.out


def test_a_replay_that_fails_exits_5_without_figures(r50bench_fake: Call, record: Path) -> None:
    answer = r50bench_fake("replay", str(record / "record.json"), FAKE_FAULT="kill@30")
    assert (answer.code, answer.out) == (5, "")
    assert "SIGKILL" in answer.err


def test_a_host_that_cannot_repeat_it_exits_6(r50bench_fake: Call, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    case = replace(records.case_of("latency", "arm_int8"), batch_size=1)
    write_record(records.record_of(case=case, samples_sha256=None), tmp_path / "other")
    answer = r50bench_fake("replay", "other")
    assert answer.code == 6
    assert "this host cannot repeat" in answer.err


def test_what_is_no_valid_record_is_refused(r50bench_fake: Call, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    write_record(records.record_of(reason="it died"), tmp_path / "bad")
    answer = r50bench_fake("replay", "bad")
    assert answer.code == 2
    assert "it died" in answer.err
    assert "neither a folder nor the id" in r50bench_fake("replay", "20260101-000000_x").err
    (tmp_path / "empty").mkdir()
    assert "no such record" in r50bench_fake("replay", "empty").err


@pytest.mark.parametrize("word", ["\udcff", "a" * 300, "a" * 5000, "no\nsuch"])
def test_a_word_that_is_no_record_is_wrong_usage_or_refused_and_no_bug(
    r50bench_here: Call, word: str
) -> None:
    answer = r50bench_here("replay", word)
    assert answer.code in (2, 5)
    assert "Traceback" not in answer.err


@pytest.fixture
def nothing_right(r50bench_fake: Call, tmp_path: Path) -> str:
    """The folder, relative, of a record of the accuracy 0, whose picture is of the class 0."""
    picture = tmp_path / "set" / "n01440764" / "a.JPEG"
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(picture, "JPEG")
    weights = str(flat_npz(tmp_path / "weights.npz"))
    case = ("inference_accuracy_fp32", "--engine", "fake", "--weights", weights)
    placed = ("--cores-per-instance", "1", "--instances", "1", "--dataset", "set", "--out", "wrong")
    answer = r50bench_fake("run", *case, *placed, "-q", FAKE_ANSWERS="9")
    assert answer.code == 0, answer.err
    (folder,) = (tmp_path / "wrong").iterdir()
    return f"wrong/{folder.name}"


@pytest.mark.parametrize(("now", "figure"), [("9", "0.0"), ("0", "100.0")])
def test_an_accuracy_of_0_is_replayed_with_figures_whatever_comes_out(
    r50bench_fake: Call, nothing_right: str, now: str, figure: str
) -> None:
    answer = r50bench_fake("replay", nothing_right, "--processes", "2", "-q", FAKE_ANSWERS=now)
    assert answer.code == 0, answer.err
    assert answer.out.count(figure) >= 1
    assert ("same" in answer.out) == (figure == "0.0")
