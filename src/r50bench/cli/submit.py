"""``r50bench submit``: the tree that MLPerf Inference takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from r50bench.errors import CheckFailed
from r50bench.mlperf.submission.eligibility import Objection
from r50bench.mlperf.submission.layout import Layout
from r50bench.mlperf.submission.submission import assess, lay_out
from r50bench.mlperf.submission.system_description import read_system_file, unknown_fields
from r50bench.mlperf.submission.tree import Submission
from r50bench.mlperf_rules import ROUNDS
from r50bench.results.kpi import accuracy_line
from r50bench.wording import counted

__all__ = ["submit"]

_DIVISIONS = ("open", "closed")


@click.command("submit")
@click.argument(
    "records", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RECORD..."
)
@click.option("--submitter", required=True, metavar="ORG", help="Your organisation's name.")
@click.option("--division", required=True, type=click.Choice(_DIVISIONS), help="Division.")
@click.option(
    "--version",
    required=True,
    type=click.Choice(tuple(ROUNDS)),
    help="Round of MLPerf Inference.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the tree goes; must not exist yet.",
)
@click.option(
    "--system",
    "system_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON object with fields of the system description that the records do not know.",
)
def submit(
    records: tuple[Path, ...],
    submitter: str,
    division: str,
    version: str,
    out: Path,
    system_file: Path | None,
) -> None:
    """Lays out an MLPerf Inference submission from records of 'r50bench mlperf'.

    RECORD is the folder of a run. Every scenario needs one accuracy run and one performance run;
    the closed division also TEST01 and TEST04 runs, all at their official length.

    Runs that are only too short or too small are laid out in the open division alone, as a
    rehearsal: the system's name, every README.md and NOT_COMPLIANT.md say that it is none to hand
    in. All else that MLPerf would object to is listed, and nothing is written (exit code 3).
    """
    given = read_system_file(system_file) if system_file else {}
    layout = Layout(version, division, submitter)
    assessment = assess(records, layout, given)
    _show_objections(assessment.objections)
    if assessment.submission is None:
        raise CheckFailed(
            f"nothing was laid out in the {division} division of {version}: "
            + _count(len(assessment.grave), len(assessment.objections)),
            hint="mend what is listed above, from the top; docs/mlperf.md has the whole path",
        )
    lay_out(assessment.submission, out)
    click.echo(_summary(assessment.submission, out), nl=False)


def _count(grave: int, all_together: int) -> str:
    """Says how many objections keep the tree from being laid out, and how many do not."""
    said = counted(grave, "objection")
    rest = all_together - grave
    return f"{said}; {rest} more would only label the tree a rehearsal" if rest else said


def _show_objections(objections: Sequence[Objection]) -> None:
    for one in objections:
        click.echo(f"! {one.subject}: {one.text}. Mend: {one.mend}", err=True)


def _summary(submission: Submission, out: Path) -> str:
    """Returns what was laid out: a line a scenario, what is left to do, and where it lies."""
    layout = submission.layout
    lines = [_result_lines(submission)]
    if submission.label:
        lines.append(
            "NOT COMPLIANT: a rehearsal with shortened runs, labelled so throughout; not to be"
            " submitted or published\n"
        )
    unknown = unknown_fields(submission.description)
    if unknown:
        lines.append(f"left as N/A, give them with --system FILE: {', '.join(unknown)}\n")
    lines.append("keep the records: MLPerf may ask for the accuracy logs that were truncated\n")
    lines.append(f"# {layout.division} submission to {layout.version}: {out / layout.organisation}")
    return "".join(lines) + "\n"


def _result_lines(submission: Submission) -> str:
    lines = []
    for run in submission.runs:
        for part in run.parts:
            if part == "accuracy" and run.record.accuracy is not None:
                figure = accuracy_line(run.record.accuracy)
            else:
                figure = str(run.score)
            lines.append(f"{run.scenario:<13}{part:<13}{figure}\n")
    return "".join(lines)
