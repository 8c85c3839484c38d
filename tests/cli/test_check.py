"""``r50bench run --processes`` and ``r50bench check`` against what it left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.command_line import Call

CASE = ("inference_throughput_fp32", "--engine", "fake", "--weights", "random", "--steps", "20",
        "--cores-per-instance", "1", "--instances", "1", "--warmup-steps", "1")  # fmt: skip


def test_a_check_says_whether_a_case_has_become_slower(r50bench_fake: Call, tmp_path: Path) -> None:
    made = r50bench_fake("run", *CASE, "--processes", "2", "--out", "before")
    assert made.code == 0, made.err
    row = next(line for line in made.out.splitlines() if line.startswith("inference"))
    assert "Average Throughput (img/s)" in row
    assert "0.00 %" in row
    assert r50bench_fake("baseline", "save", "main", "before").code == 0

    slower = r50bench_fake(
        "check", *CASE, "--against", "main", "--processes", "2", FAKE_LATENCIES_NS="2100000"
    )
    assert slower.code == 3, slower.err
    assert "slower: inference_throughput" in slower.err
    runs = tmp_path / "r50bench-runs"
    (suite,) = ElementTree.parse(runs / "check.xml").getroot()
    assert suite.get("failures") == "1"
    assert (runs / "check.md").read_text().startswith("**1 slower**")

    same = r50bench_fake("check", *CASE, "--against", "before", "--budget", "0.1s", "--json")
    assert same.code == 0, same.err
    (case,) = json.loads(same.out)["cases"]
    assert (case["processes"], case["verdict"]) == ([2, 1], "same")

    failed = r50bench_fake(
        "check", *CASE, "--against", "main", "--processes", "1", FAKE_FAULT="kill@5"
    )
    assert failed.code == 5
    (suite,) = ElementTree.parse(runs / "check.xml").getroot()
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")


def test_nothing_runs_without_something_to_check_against(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    gone = r50bench_fake("check", *CASE, "--against", "main")
    assert (gone.code, "no baseline" in gone.err) == (2, True)
    assert r50bench_fake("check", *CASE).code == 2
    nameless = r50bench_fake("run", "--processes", "3", "--engine", "fake")
    assert (nameless.code, "cases that are named" in nameless.err) == (2, True)
    left = (tmp_path / "r50bench-runs").iterdir()
    assert sorted(file.name for file in left) == ["check.md", "check.xml"]


@pytest.mark.parametrize(
    ("code", "more"),
    [
        (2, ("--batch-size", "2")),  # which is seen when all is measured
        (2, ("--against", "gone")),
        (6, ("--engine", "r50", "--device", "cuda")),
    ],
)
def test_a_check_that_compares_nothing_leaves_what_ended_it_and_nothing_of_the_last_one(
    r50bench_fake: Call, tmp_path: Path, code: int, more: Sequence[str]
) -> None:
    case = ("inference_latency_fp32", *CASE[1:])
    assert r50bench_fake("run", *case, "--processes", "2", "--out", "before").code == 0
    check = ("check", *case, "--against", "before", "--processes", "1", "--out")
    assert r50bench_fake(*check, "now").code == 0
    for out in (tmp_path / "now", tmp_path / "fresh" / "folder"):
        ended = r50bench_fake(*check, str(out), *more)
        assert ended.code == code, ended.err
        assert not (out / "check.html").exists()
        (suite,) = ElementTree.parse(out / "check.xml").getroot()
        assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
        message = str(suite[0][0].get("message"))
        assert f"r50bench: {message}\n" in ended.err
        assert (out / "check.md").read_text().startswith(f"**Nothing was compared**: {message}")


def test_a_check_whose_runs_failed_leaves_no_page_of_the_last_one_and_keeps_links(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    assert r50bench_fake("run", *CASE, "--processes", "2", "--out", "before").code == 0
    check = ("check", *CASE, "--against", "before", "--processes", "1", "--out", "now")
    (tmp_path / "now").mkdir()
    link = tmp_path / "now" / "check.xml"
    link.symlink_to(tmp_path / "elsewhere.xml")
    assert r50bench_fake(*check).code == 0
    page = tmp_path / "now" / "check.html"
    assert page.exists()
    assert r50bench_fake(*check, FAKE_FAULT="kill@5").code == 5
    assert not page.exists()
    assert link.is_symlink()
    assert ElementTree.parse(tmp_path / "elsewhere.xml").getroot().get("errors") == "1"


def test_a_check_may_go_by_undisturbed_batches(r50bench_fake: Call, tmp_path: Path) -> None:
    assert r50bench_fake("run", *CASE, "--processes", "2", "--out", "before",
                         FAKE_CANARY_NS="1700").code == 0  # fmt: skip
    check = ("check", *CASE, "--against", "before", "--processes", "2")
    spells = {"FAKE_CANARY_NS": "1700", "FAKE_LATENCIES_NS": "2000000,2000000,2000000,5000000"}
    assert r50bench_fake(*check, **spells).code == 3
    alone = r50bench_fake(*check, "--undisturbed", **spells)
    assert alone.code == 0, alone.err
    assert "by undisturbed batches" in (tmp_path / "r50bench-runs" / "check.md").read_text()
    assert (
        "undisturbed batches were judged" in (tmp_path / "r50bench-runs" / "check.html").read_text()
    )
    waiting = r50bench_fake(*check, "--undisturbed", FAKE_WAITED_NS="1000000", **spells)
    assert waiting.code == 4
    assert "without --undisturbed" in waiting.err
    (suite,) = ElementTree.parse(tmp_path / "r50bench-runs" / "check.xml").getroot()
    assert (suite.get("skipped"), "0 of 2 processes" in ElementTree.tostring(suite, "unicode")) == (
        "1",
        True,
    )
