"""Checks a finished tree from its files alone: all that MLPerf lists is there and says something.

This is no replacement for MLCommons' own submission checker; it finds what we could have done
wrong before anyone else has to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from r50bench.errors import R50BenchError
from r50bench.load import COMPLIANCE_TESTS
from r50bench.mlperf.run.logs import ACCURACY_LOG, DETAIL_LOG, SUMMARY_LOG, read_detail
from r50bench.mlperf.submission.accuracy_log import MOST_SUBMITTED_BYTES
from r50bench.mlperf.submission.compliance import PASSED, VERIFY_ACCURACY, VERIFY_PERFORMANCE
from r50bench.mlperf.submission.implementation import IMPLEMENTATION_FIELDS
from r50bench.mlperf.submission.layout import LABEL_FILE, LABEL_SUFFIX, Layout
from r50bench.mlperf.submission.system_description import SYSTEM_FIELDS
from r50bench.mlperf_rules import BENCHMARK
from r50bench.results.files import plain_json, read_bounded

__all__ = ["faults_of_tree"]

_LOGS = (DETAIL_LOG, SUMMARY_LOG)
_LAST_KEY = "power_end"  # in every mode, LoadGen logs it when all is answered
_ACCURACY_LINE = re.compile(r"^accuracy=[0-9]+\.[0-9]{3}%, good=[0-9]+, total=[1-9][0-9]*$", re.M)
_HASH_LINE = re.compile(r"^hash=[0-9a-f]{64}$", re.M)


def faults_of_tree(root: Path, layout: Layout) -> list[str]:
    """Returns what is missing, superfluous, empty or malformed in the tree below ``root``."""
    expected = set(_expected_files(root, layout))
    found = {
        PurePosixPath(file.relative_to(root).as_posix())
        for file in root.rglob("*")
        if not file.is_dir()
    }
    faults = [f"{path} is missing" for path in sorted(expected - found)]
    faults += [f"{path} does not belong in a submission" for path in sorted(found - expected)]
    if not _scenarios(root, layout):
        faults.append(f"{layout.all_results} holds no results")
    for path in sorted(expected & found):
        faults += [f"{path} {fault}" for fault in _faults_of_file(root / path, path, layout)]
    return faults


def _scenarios(root: Path, layout: Layout) -> list[tuple[str, str]]:
    """Returns (system, scenario) of every folder of results."""
    folders = (root / layout.all_results).glob(f"*/{BENCHMARK}/*")
    return sorted((path.parent.parent.name, path.name) for path in folders if path.is_dir())


def _expected_files(root: Path, layout: Layout) -> Iterator[PurePosixPath]:
    scenarios = _scenarios(root, layout)
    yield layout.code_readme
    if layout.division == "closed":
        yield layout.calibration
    if any(system.endswith(LABEL_SUFFIX) for system, _ in scenarios):
        yield PurePosixPath(LABEL_FILE)
    for system, scenario in scenarios:
        yield layout.system(system)
        yield from _scenario_files(root, layout, system, scenario)
        for test in COMPLIANCE_TESTS:
            folder = layout.compliance(system, scenario, test)
            if layout.division == "closed" or (root / folder).exists():
                yield from _test_files(folder, test)


def _scenario_files(
    root: Path, layout: Layout, system: str, scenario: str
) -> Iterator[PurePosixPath]:
    results = layout.results(system, scenario)
    for name in ("accuracy.txt", ACCURACY_LOG, *_LOGS):
        yield results / "accuracy" / name
    for name in _LOGS:
        yield results / "performance" / "run_1" / name
    measurements = layout.measurements(system, scenario)
    yield measurements / "README.md"
    yield measurements / "user.conf"
    # In some rounds the name of the file holds that of the implementation, which is free.
    pattern = layout.implementation(system, scenario, "*")
    named = sorted((root / measurements).glob(pattern.name))
    yield measurements / named[0].name if named else pattern


def _test_files(folder: PurePosixPath, test: str) -> Iterator[PurePosixPath]:
    yield folder / VERIFY_PERFORMANCE
    for name in _LOGS:
        yield folder / "performance" / "run_1" / name
    if test == "TEST01":
        yield folder / VERIFY_ACCURACY
        yield folder / "accuracy" / "accuracy.txt"
        yield folder / "accuracy" / ACCURACY_LOG


def _faults_of_file(file: Path, path: PurePosixPath, layout: Layout) -> Iterator[str]:
    try:
        data = read_bounded(file)
    except (OSError, R50BenchError) as error:
        yield f"cannot be read: {error}"
        return
    if not data.strip():
        yield "is empty"
    elif path.parent == layout.systems:
        yield from _faults_of_json(data, SYSTEM_FIELDS)
        yield from _faults_of_system(data, path, layout)
    elif path.suffix == ".json" and path.name != ACCURACY_LOG:
        yield from _faults_of_json(data, IMPLEMENTATION_FIELDS)
    elif path.name == ACCURACY_LOG and len(data) > MOST_SUBMITTED_BYTES:
        yield "is not truncated"
    elif path.name == "accuracy.txt":
        text = data.decode(errors="replace")
        yield from _faults_of_accuracy(text, sampled="TEST01" in path.parts)
    elif path.name in (VERIFY_ACCURACY, VERIFY_PERFORMANCE):
        if PASSED not in data.decode(errors="replace").splitlines():
            yield f"does not say {PASSED}"
    elif path.name == DETAIL_LOG:
        yield from _faults_of_log(file, path)


def _faults_of_json(data: bytes, fields: tuple[str, ...]) -> Iterator[str]:
    try:
        found = plain_json(data)
    except ValueError as error:
        yield f"is no JSON: {error}"
        return
    if not isinstance(found, dict):
        yield "holds no JSON object"
        return
    for field in fields:
        if field not in found:
            yield f"has no field {field}"
        elif not isinstance(found[field], str) or not found[field].strip():
            yield f"has a field {field} that is no string, or empty"


def _faults_of_system(data: bytes, path: PurePosixPath, layout: Layout) -> Iterator[str]:
    """Yields where a description contradicts the folders it stands in."""
    try:
        found = plain_json(data)
    except ValueError:  # said by _faults_of_json already
        return
    for field, folder in (("division", layout.division), ("submitter", layout.submitter)):
        if isinstance(found, dict) and field in found and found[field] != folder:
            yield f"says {field} {found[field]!r} in the folder of {folder}"


def _faults_of_accuracy(text: str, *, sampled: bool) -> Iterator[str]:
    if not _HASH_LINE.search(text):
        yield "has no hash of the whole accuracy log"
    if not sampled and not _ACCURACY_LINE.search(text):
        yield "gives no accuracy"


def _faults_of_log(file: Path, path: PurePosixPath) -> Iterator[str]:
    try:
        log = read_detail(file.parent)
    except R50BenchError as error:
        yield f"is damaged: {error.message}"
        return
    if _LAST_KEY not in log.values:
        yield "ends early"
    if log.errors:
        yield f"reports errors: {'; '.join(log.errors)}"
    if "performance" in path.parts and log.verdict != "VALID":
        yield "is not of a VALID result"
