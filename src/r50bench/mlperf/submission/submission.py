"""From the folders of records to a tree: read, judged, described, written, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench.errors import CheckFailed, R50BenchError, RunFailed, UsageError
from r50bench.load import COMPLIANCE_TESTS
from r50bench.mlperf.submission.checker import faults_of_tree
from r50bench.mlperf.submission.compliance import (
    VERIFY_ACCURACY,
    VERIFY_PERFORMANCE,
    Verification,
    verify_test,
)
from r50bench.mlperf.submission.eligibility import (
    Objection,
    again,
    objections_to_run,
    objections_to_set,
    without,
)
from r50bench.mlperf.submission.layout import LABEL_SUFFIX, Layout
from r50bench.mlperf.submission.runs import ACCURACY, PERFORMANCE, Run, read_run
from r50bench.mlperf.submission.system_description import (
    DEFAULT_TYPE,
    LONGEST_NAME,
    describe_system,
    system_name,
)
from r50bench.mlperf.submission.tree import Submission, submission_files, write_tree
from r50bench.mlperf_rules import round_of
from r50bench.results.record import RECORD_FILE, read_record

__all__ = ["Assessment", "assess", "lay_out"]

Verifications = dict[tuple[str, str], dict[str, Verification]]
_NO_RUN = (
    "name the folders of LoadGen's runs, such as r50bench-runs/*mlperf*; '# record:' at the end of"
    " each says which"
)
_MEND = {
    VERIFY_ACCURACY: "run AccuracyOnly and {test} again with the same weights and pictures",
    VERIFY_PERFORMANCE: "run PerformanceOnly and {test} again, one right after the other and with"
    " nothing else on the machine",
}


@dataclass(frozen=True)
class Assessment:
    """What became of the records: a submission that can be laid out, or None, and all objections.

    ``grave`` are those of the ``objections`` that keep a tree from being laid out. With a
    submission there are none: all objections are to shortened runs, and its label says so.
    """

    submission: Submission | None
    objections: tuple[Objection, ...]
    grave: tuple[Objection, ...] = ()


def assess(folders: Sequence[Path], layout: Layout, given: Mapping[str, str]) -> Assessment:
    """Judges the records in ``folders`` by the rules of the layout's round and division.

    ``given`` are the fields of the system description that the submitter gives.

    Raises:
        UsageError: a folder holds no record, the submitter's name cannot be a folder's, or the runs
            used an accelerator that ``given`` does not describe.
    """
    _check_submitter(layout.submitter)
    runs, objections = _read(_each_once(folders), layout, given.get("system_type", DEFAULT_TYPE))
    verifications: Verifications = {}
    if runs:
        for run in runs:
            objections += _judged(run, layout)
        description = describe_system(runs[0].record, given)
        objections += objections_to_set(
            runs, layout.version, layout.division, description["system_type"]
        )
        if not _grave(objections, layout.division):
            verifications, unread = _verify(runs, round_of(layout.version).score_tolerance)
            objections += [*unread, *_failures(verifications)]
    objections.sort(key=lambda one: one.shortened)  # what keeps a tree from any division first
    found = _grave(objections, layout.division)
    if found or not runs:
        return Assessment(None, tuple(objections), found)
    submission = _submission(runs, layout, description, verifications, objections)
    return Assessment(submission, tuple(objections))


def lay_out(submission: Submission, out: Path) -> None:
    """Writes the tree to ``out``, which must not exist, and checks it before it appears there.

    Raises:
        UsageError: ``out`` exists already or cannot be written.
        CheckFailed: the finished tree does not hold what MLPerf asks for; nothing is left.
    """

    def check(root: Path) -> None:
        faults = faults_of_tree(root, submission.layout)
        if faults:
            raise CheckFailed(
                f"the tree is not whole: {'; '.join(faults)}",
                hint="run again what these files come from; nothing was laid out",
            )

    write_tree(submission_files(submission), out, check)


def _check_submitter(submitter: str) -> None:
    fit = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", submitter) is not None
    if not fit or len(submitter) > LONGEST_NAME:
        raise UsageError(
            f"submitter {submitter!r} cannot name a folder",
            hint=f"at most {LONGEST_NAME} letters, digits, '.', '_' and '-', such as Example_Labs",
        )


def _each_once(folders: Sequence[Path]) -> list[Path]:
    """Returns the folders of runs; those that are named by several paths once."""
    named = (path.parent if path.name == RECORD_FILE else path for path in folders)
    return list({path.resolve(): path for path in named}.values())


def _read(
    folders: Sequence[Path], layout: Layout, system_type: str
) -> tuple[list[Run], list[Objection]]:
    runs: list[Run] = []
    refused: list[tuple[Path, RunFailed]] = []
    unread: list[Objection] = []
    for folder in folders:
        try:
            runs.append(read_run(folder))
        except RunFailed as error:
            refused.append((folder, error))
        except UsageError as error:
            if not (folder / RECORD_FILE).exists() and not folder.is_file():
                raise UsageError(error.message, hint=_NO_RUN) from error
            unread.append(_objection(folder.name, error))
    return runs, [*(_refusal(*one, runs, layout, system_type) for one in refused), *unread]


def _refusal(
    folder: Path, error: RunFailed, runs: Sequence[Run], layout: Layout, system_type: str
) -> Objection:
    """Returns what is said of a record, how to run it again and how to do without it."""
    try:
        record = read_record(folder)
    except R50BenchError:  # the system refuses it
        return _objection(folder.name, error)
    mends = (
        error.hint or again(record, round_of(layout.version), layout.division, system_type),
        without(record, runs, layout.division),
    )
    return Objection(record.id, error.message, ", or ".join(filter(None, mends)))


def _objection(subject: str, error: R50BenchError) -> Objection:
    return Objection(subject, error.message, error.hint or "")


def _judged(run: Run, layout: Layout) -> list[Objection]:
    """Returns what is held against a run; a log that lacks what is looked for counts too."""
    try:
        found = objections_to_run(run, layout.version, layout.division)
        if run.parts != (ACCURACY,):
            _ = run.score
    except R50BenchError as error:
        return [_objection(run.record.id, error)]
    return found


def _grave(objections: Sequence[Objection], division: str) -> tuple[Objection, ...]:
    """Returns those that keep a tree from being laid out; the others only label it."""
    return tuple(one for one in objections if division == "closed" or not one.shortened)


def _verify(runs: Sequence[Run], tolerance: float) -> tuple[Verifications, list[Objection]]:
    """Verifies every compliance run beside the accuracy and performance run of its scenario.

    Objected to is what cannot be verified, since a log is damaged.
    """
    by_part = {(run.scenario, part): run for run in runs for part in run.parts}
    found: Verifications = {}
    unread = []
    for (scenario, test), run in by_part.items():
        if test not in COMPLIANCE_TESTS:
            continue
        beside = by_part[scenario, ACCURACY], by_part[scenario, PERFORMANCE]
        try:
            found[scenario, test] = verify_test(test, run, *beside, tolerance)
        except R50BenchError as error:
            unread.append(_objection(run.record.id, error))
    return found, unread


def _failures(verifications: Verifications) -> list[Objection]:
    return [
        Objection(scenario, f"{test} fails: {one.why}", _MEND[file].format(test=test))
        for (scenario, test), found in verifications.items()
        for file, one in found.items()
        if not one.passed
    ]


def _submission(
    runs: Sequence[Run],
    layout: Layout,
    description: Mapping[str, str],
    verifications: Verifications,
    objections: Sequence[Objection],
) -> Submission:
    """Puts all together; what is objected to is named in the label."""
    label = tuple(f"{one.subject}: {one.text}" for one in objections)
    system = system_name(description)
    whole = {"division": layout.division, "submitter": layout.submitter, **description}
    if label:
        system += LABEL_SUFFIX
        whole["system_name"] += " (NOT COMPLIANT: shortened runs)"
        whole["sw_notes"] = f"NOT COMPLIANT: shortened runs. {whole['sw_notes']}"
    return Submission(layout, system, whole, tuple(runs), verifications, label)
