"""What a word means as one side of a comparison."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.cli.sides import share_of, side_named
from r50bench.comparison.baseline import baselines_here
from r50bench.comparison.side import runs_as_data
from r50bench.errors import UsageError
from r50bench.results.history import History, history_path
from r50bench.results.record import Record, write_record
from support import records
from support.measured_runs import run_of


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Record, Record]:
    """Two records of accuracy in runs/a and runs/b below the working folder, in the history."""
    monkeypatch.chdir(tmp_path)
    found = []
    with History(history_path()) as history:
        for name, good in (("a", 19), ("b", 20)):
            record = records.record_of("accuracy", samples_sha256=None, id=f"20260101_{name}")
            assert record.accuracy is not None
            record = replace(record, accuracy=replace(record.accuracy, good=good))
            folder = tmp_path / "runs" / name
            folder.mkdir(parents=True)
            write_record(record, folder)
            history.add(record, folder)
            found.append(record)
    return found[0], found[1]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("runs", ("20260101_a", "20260101_b")),
        ("runs/a", ("20260101_a",)),
        ("runs/b/record.json", ("20260101_b",)),
        ("runs/[ab]", ("20260101_a", "20260101_b")),
        ("runs/b, runs/a", ("20260101_b", "20260101_a")),
        ("runs/a,runs/a", ("20260101_a",)),
        ("20260101_b", ("20260101_b",)),
        ("accuracy>97,mode=accuracy", ("20260101_b",)),
        ("good", ("mine",)),
        ("file.json", ("mine",)),
        ("good,20260101_a", ("mine", "20260101_a")),
    ],
)
def test_folders_files_globs_lists_ids_queries_and_baselines_are_sides(
    kept: tuple[Record, Record], word: str, expected: Sequence[str]
) -> None:
    run = run_of(95, "accuracy")
    run = replace(run, record=replace(run.record, id="mine", host=kept[0].host))
    baselines_here().save("good", [run])
    Path("file.json").write_text(json.dumps(runs_as_data([run])))
    side = side_named(word)
    assert side.title == word
    assert tuple(run.record.id for run in side.runs) == expected


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("elsewhere", "is no folder, no file, no baseline and no record"),
        ("", "is no folder, no file, no baseline and no record"),
        ("none/*", "nothing matches"),
        ("accuracy>99.9999,mode=latency", "matches no record of the history"),
        ("colour=red", "unknown key"),
        ("runs/a,elsewhere", "'elsewhere' is no folder"),
    ],
)
def test_words_that_mean_nothing_are_refused(
    kept: tuple[Record, Record], word: str, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        side_named(word)


@pytest.mark.parametrize("word", ["runs/*", "runs/a,runs/page.html,runs/b"])
def test_pages_beside_the_records_are_no_part_of_a_side(
    kept: tuple[Record, Record], word: str
) -> None:
    Path("runs/page.html").write_text("<!doctype html>")
    side = side_named(word)
    assert [run.record.id for run in side.runs] == ["20260101_a", "20260101_b"]
    with pytest.raises(UsageError, match=r"page\.html is no JSON"):
        side_named("runs/*.html")


def test_a_baseline_that_was_meant_is_suggested(kept: tuple[Record, Record]) -> None:
    baselines_here().save("release", [run_of(10)])
    with pytest.raises(UsageError) as raised:
        side_named("relaese")
    assert raised.value.hint == "did you mean release?"


@pytest.mark.parametrize(("text", "share"), [("3%", 0.03), (" 0.5 % ", 0.005), ("0.03", 0.03)])
def test_thresholds_are_per_cent_or_shares(text: str, share: float) -> None:
    assert share_of(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["3", "0", "100%", "-1%", "much", ""])
def test_other_thresholds_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no share between"):
        share_of(text)
