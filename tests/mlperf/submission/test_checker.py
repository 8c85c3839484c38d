"""The check of a finished tree finds whatever is missing from it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from r50bench.mlperf.submission.checker import faults_of_tree
from r50bench.mlperf.submission.implementation import IMPLEMENTATION_FIELDS
from r50bench.mlperf.submission.layout import Layout
from r50bench.mlperf.submission.submission import assess, lay_out
from r50bench.mlperf.submission.system_description import SYSTEM_FIELDS
from r50bench.results.record import Accuracy
from support import loadgen_records

PARTS = ("accuracy", "performance", "TEST01", "TEST04")
EDGE = ("SingleStream", "MultiStream", "Offline")
ROUNDS = ("v5.1", "v6.1")

Trees = dict[str, Path]


@pytest.fixture(scope="module")
def trees(loadgen_logs: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Trees:
    """One closed tree of each round, to be copied before anything is done to it."""
    found = {}
    for round_ in ROUNDS:
        base = tmp_path_factory.mktemp(round_)
        runs = [
            loadgen_records.write_run(
                loadgen_logs(scenario, part, 50_000, round_),
                base / f"{scenario}-{part}",
                scenario,
                part,
                log=loadgen_records.OFFICIAL,
                accuracy=Accuracy(50_000, 38_065, 46_000) if part == "accuracy" else None,
            )
            for scenario in EDGE
            for part in PARTS
        ]
        assessment = assess(runs, layout(round_), {})
        assert assessment.submission is not None, assessment.objections
        lay_out(assessment.submission, base / "tree")
        found[round_] = base / "tree"
    return found


def layout(round_: str) -> Layout:
    return Layout(round_, "closed", "Example")


@pytest.mark.parametrize("round_", ROUNDS)
def test_a_tree_as_it_was_laid_out_has_no_fault(trees: Trees, round_: str) -> None:
    assert faults_of_tree(trees[round_], layout(round_)) == []


@pytest.mark.parametrize("round_", ROUNDS)
def test_every_file_that_is_deleted_or_emptied_is_missed(
    trees: Trees, round_: str, tmp_path: Path
) -> None:
    tree = trees[round_]
    files = [file for file in tree.rglob("*") if file.is_file()]
    assert len(files) > 50
    for file in files:
        name, data = str(file.relative_to(tree)), file.read_bytes()
        file.unlink()
        missed = faults_of_tree(tree, layout(round_))
        file.write_bytes(b" \n")
        blank = faults_of_tree(tree, layout(round_))
        file.write_bytes(data)
        if "_r50bench_" in name:  # the implementation's name is free
            assert any("measurements" in fault and "is missing" in fault for fault in missed), name
        else:
            assert f"{name} is missing" in missed
        assert f"{name} is empty" in blank


@pytest.mark.parametrize("round_", ROUNDS)
@pytest.mark.parametrize(
    ("pattern", "fields"),
    [("systems/*.json", SYSTEM_FIELDS), ("**/Offline/*.json", IMPLEMENTATION_FIELDS)],
)
def test_every_field_that_is_deleted_emptied_or_no_string_is_missed(
    trees: Trees, round_: str, pattern: str, fields: tuple[str, ...]
) -> None:
    tree = trees[round_]
    (file,) = (tree / "closed/Example").glob(pattern)
    whole = json.loads(file.read_text())
    assert tuple(whole) == fields
    for field in fields:
        for changed in (
            {name: value for name, value in whole.items() if name != field},
            whole | {field: ""},
            whole | {field: 0},
        ):
            file.write_text(json.dumps(changed))
            faults = faults_of_tree(tree, layout(round_))
            assert any(f"field {field}" in fault for fault in faults), (field, changed)
    file.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("accuracy/accuracy.txt", "hash=", "hush=", "has no hash"),
        ("accuracy/accuracy.txt", "accuracy=", "acc=", "gives no accuracy"),
        ("accuracy/mlperf_log_accuracy.json", "...", "." * 3000, "is not truncated"),
        ("TEST01/verify_accuracy.txt", "TEST PASS", "TEST FAIL", "does not say TEST PASS"),
        ("TEST04/verify_performance.txt", "TEST PASS", "TEST FAIL", "does not say TEST PASS"),
        ("performance/run_1/mlperf_log_detail.txt", '"VALID"', '"INVALID"', "not of a VALID"),
        ("performance/run_1/mlperf_log_detail.txt", "power_end", "power_off", "ends early"),
        ("performance/run_1/mlperf_log_detail.txt", '"is_error": false', '"is_error": true', "err"),
        ("accuracy/mlperf_log_detail.txt", ":::MLLOG {", ":::MLLOG ", "is damaged"),
    ],
)
def test_what_a_file_must_say_is_looked_for(
    trees: Trees, tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(trees["v6.1"], tree)
    (file,) = tree.glob(f"closed/Example/results/*/resnet50/Offline/{name}")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    (fault,) = faults_of_tree(tree, layout("v6.1"))
    assert name in fault
    assert said in fault


def test_what_does_not_belong_there_is_named(trees: Trees, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(trees["v5.1"], tree)
    (tree / "closed/Example/results/notes.txt").write_text("remember the milk")
    assert faults_of_tree(tree, layout("v5.1")) == [
        "closed/Example/results/notes.txt does not belong in a submission"
    ]


def test_a_description_of_another_division_or_submitter_is_a_fault(
    trees: Trees, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(trees["v5.1"], tree)
    (file,) = tree.glob("closed/Example/systems/*.json")
    changed = json.loads(file.read_text()) | {"division": "open", "submitter": "Others"}
    file.write_text(json.dumps(changed))
    faults = faults_of_tree(tree, layout("v5.1"))
    assert [fault.partition(" says ")[2] for fault in faults] == [
        "division 'open' in the folder of closed",
        "submitter 'Others' in the folder of Example",
    ]


def test_an_empty_folder_has_no_results(tmp_path: Path) -> None:
    assert "closed/Example/results holds no results" in faults_of_tree(tmp_path, layout("v5.1"))


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe\x00", b"[" * 100_000, b"{", b"null", b'{"a": ' * 5000, b"\x1b[2J"],
    ids=lambda data: repr(data[:8]),
)
def test_a_file_of_anything_is_a_fault_that_names_it(
    trees: Trees, tmp_path: Path, data: bytes
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(trees["v5.1"], tree)
    for file in sorted(tree.glob("closed/Example/**/*")):
        if file.is_dir() or file.suffix == ".md" or file.name == "user.conf":
            continue
        whole = file.read_bytes()
        file.write_bytes(data)
        faults = faults_of_tree(tree, layout("v5.1"))
        file.write_bytes(whole)
        if file.name not in ("mlperf_log_summary.txt", "mlperf_log_accuracy.json"):
            assert any(file.name in fault for fault in faults), file


def test_what_cannot_be_read_or_is_far_too_large_is_a_fault(trees: Trees, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(trees["v5.1"], tree)
    pipe, large = (
        next(iter(sorted(tree.glob(f"closed/Example/results/**/accuracy/{name}"))))
        for name in ("accuracy.txt", "mlperf_log_accuracy.json")
    )
    pipe.unlink()
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.truncate(1 << 40)
    faults = faults_of_tree(tree, layout("v5.1"))
    assert any("accuracy.txt cannot be read" in fault for fault in faults)
    assert any("accuracy.json cannot be read" in fault for fault in faults)
