"""The files of a submission: what each holds, and how the tree comes to be whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from r50bench.errors import RunFailed, UsageError, reason_of, system_refusal
from r50bench.load import COMPLIANCE_TESTS, SCENARIOS
from r50bench.mlperf.run.logs import ACCURACY_LOG, DETAIL_LOG, SUMMARY_LOG
from r50bench.mlperf.submission.accuracy_log import hash_line, truncated
from r50bench.mlperf.submission.compliance import Verification
from r50bench.mlperf.submission.implementation import describe_implementation, implementation
from r50bench.mlperf.submission.layout import LABEL_FILE, Layout
from r50bench.mlperf.submission.readmes import (
    calibration_text,
    code_readme,
    label_text,
    scenario_readme,
)
from r50bench.mlperf.submission.runs import ACCURACY, PERFORMANCE, Run
from r50bench.results.files import read_bounded
from r50bench.results.kpi import accuracy_line

__all__ = ["Submission", "submission_files", "write_tree"]

_LOGS = (DETAIL_LOG, SUMMARY_LOG)
_MOST_BYTES = 256 << 20  # LoadGen's log of 50,000 answers has 4 MB

Files = Iterator[tuple[PurePosixPath, bytes]]


@dataclass(frozen=True)
class Submission:
    """All that goes into one tree.

    ``description`` is SYS.json and ``system`` its name; ``label`` lists why the tree is not
    compliant, and is empty for a real one; ``verifications`` are those of the compliance runs, by
    (scenario, test) and by file.
    """

    layout: Layout
    system: str
    description: Mapping[str, str]
    runs: tuple[Run, ...]
    verifications: Mapping[tuple[str, str], Mapping[str, Verification]]
    label: tuple[str, ...] = ()


def submission_files(submission: Submission) -> Files:
    """Yields every file of the tree: its path and its bytes."""
    layout, label = submission.layout, label_text(submission.label)
    records = [run.record for run in submission.runs]
    if label:
        yield PurePosixPath(LABEL_FILE), label.encode()
    yield layout.system(submission.system), _json(submission.description)
    yield layout.code_readme, code_readme(records[0], label).encode()
    if layout.division == "closed":
        yield layout.calibration, calibration_text(records).encode()
    for scenario in SCENARIOS:
        runs = [run for run in submission.runs if run.scenario == scenario]
        if runs:
            yield from _scenario_files(submission, scenario, runs, label)


def _scenario_files(submission: Submission, scenario: str, runs: list[Run], label: str) -> Files:
    layout, system = submission.layout, submission.system
    results = layout.results(system, scenario)
    measurements = layout.measurements(system, scenario)
    for run in runs:
        if ACCURACY in run.parts:
            yield from _accuracy_files(run, results / "accuracy")
        if PERFORMANCE in run.parts:
            yield from _log_files(run, results / "performance" / "run_1")
            yield measurements / "user.conf", _read(run.logs / "user.conf")
            name = implementation(run.record)
            description = _json(describe_implementation(run.record))
            yield layout.implementation(system, scenario, name), description
        for test in COMPLIANCE_TESTS:
            if test in run.parts:
                folder = layout.compliance(system, scenario, test)
                yield from _test_files(run, folder, submission.verifications[scenario, test])
    yield measurements / "README.md", scenario_readme(runs, label).encode()


def _accuracy_files(run: Run, folder: PurePosixPath) -> Files:
    accuracy = run.record.accuracy
    assert accuracy is not None
    log = _read(run.logs / ACCURACY_LOG)
    yield folder / "accuracy.txt", f"{accuracy_line(accuracy)}\n{hash_line(log)}".encode()
    yield folder / ACCURACY_LOG, truncated(log)
    yield from _log_files(run, folder)


def _test_files(run: Run, folder: PurePosixPath, found: Mapping[str, Verification]) -> Files:
    for name, verification in found.items():
        yield folder / name, verification.text.encode()
    yield from _log_files(run, folder / "performance" / "run_1")
    if "TEST01" in run.parts:
        log = _read(run.logs / ACCURACY_LOG)
        yield folder / "accuracy" / "accuracy.txt", hash_line(log).encode()
        yield folder / "accuracy" / ACCURACY_LOG, truncated(log)


def _log_files(run: Run, folder: PurePosixPath) -> Files:
    for name in _LOGS:
        yield folder / name, _read(run.logs / name)


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, _MOST_BYTES)
    except FileNotFoundError as error:
        raise RunFailed(f"cannot read {path}: it is gone", hint="run it again") from error


def _json(fields: Mapping[str, str]) -> bytes:
    return json.dumps(fields, indent=2, ensure_ascii=False).encode() + b"\n"


def write_tree(
    files: Iterable[tuple[PurePosixPath, bytes]], out: Path, check: Callable[[Path], None]
) -> None:
    """Writes ``files`` below ``out``, which appears when all is written and ``check`` is content.

    ``check`` is given the unfinished tree and raises where something is wrong with it.

    Raises:
        UsageError: ``out`` exists already, or its parent cannot be written to.
        RunFailed: the system refuses a file, as where the disk is full.
    """
    _refuse_existing(out)
    # A name of its own: what a killed process left behind must not be in the way.
    aside = out.with_name(f".unfinished-{out.name}-{secrets.token_hex(4)}")
    try:
        aside.mkdir(parents=True)
    except OSError as error:
        raise UsageError(
            f"cannot write to {out.parent}: {reason_of(error)}",
            hint="name another folder with --out",
        ) from error
    try:
        for path, data in files:
            _write(aside / path, data)
        check(aside)
        aside.rename(out)
    except OSError as error:
        _refuse_existing(out)  # another process may have been quicker
        raise system_refusal(f"write {out}", error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise UsageError(
            f"{out} exists already, and a submission is never overwritten",
            hint="name a new folder with --out",
        )


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
