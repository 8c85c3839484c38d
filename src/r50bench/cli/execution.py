"""Runs planned cases and shows what came out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from r50bench.assets.store import default_store
from r50bench.cli.plan_text import describe_host, describe_tuned
from r50bench.errors import R50BenchError, RunFailed
from r50bench.host.doctor import examine
from r50bench.host.topology import Host
from r50bench.measure.cases import CaseResult, run_cases
from r50bench.measure.session import Outcome, PlannedCase
from r50bench.parameters import UNDERSTOOD_VARIABLES
from r50bench.progress import Progress
from r50bench.report.kpi_block import block_text, kpi_block
from r50bench.report.kpi_formats import format_kpis
from r50bench.report.overview import overview_rows, overview_text
from r50bench.report.terminal import TerminalProgress
from r50bench.report.what_ran import what_ran
from r50bench.results.atomic import write_atomically
from r50bench.results.history import History, history_path
from r50bench.results.record import Record
from r50bench.results.samples import Samples

__all__ = ["execute", "remember", "write_kpi_file"]


def execute(
    planned: Sequence[PlannedCase],
    host: Host,
    out: Path,
    *,
    as_json: bool,
    quiet: bool,
    full: bool,
) -> None:
    """Runs the cases in order and prints records, KPI blocks or the overview on stdout.

    One case, or ``full``, gives KPI blocks; several give the overview.

    Raises:
        R50BenchError: a case failed; of the first one's kind, after all the others have run.
    """
    results: list[CaseResult] = []
    try:
        with TerminalProgress(quiet=quiet) as progress:
            progress.note(describe_host(host))
            for finding in examine(host, understood=UNDERSTOOD_VARIABLES):
                progress.warn(f"{finding.text}: {finding.mend}")
            for note in dict.fromkeys(note for one in planned for note in one.effective.notes):
                progress.warn(note)
            for one in planned:
                for note in describe_tuned(one.effective):
                    progress.note(note)
            for result in run_cases(planned, host, default_store(), out, progress, write_kpi_file):
                results.append(result)
                if result.outcome is not None:
                    remember(result.outcome, progress)
    finally:
        # What is finished is shown, also where the rest was interrupted.
        if as_json:
            click.echo(json.dumps([_as_data(result) for result in results], indent=2))
        elif results:
            click.echo(_as_text(results, blocks=full or len(planned) == 1), nl=False)
    _raise_failures(results)


def write_kpi_file(record: Record, samples: Samples | None, folder: Path) -> None:
    """Leaves a record's KPI block beside it, as ``kpi.txt``."""
    text = block_text(kpi_block(record, samples)) + "\n"
    write_atomically(folder / "kpi.txt", text.encode())


def remember(outcome: Outcome, progress: Progress) -> None:
    """Adds a run to the history; a history that cannot be written costs no result."""
    figures = kpi_block(outcome.record, outcome.samples).kpis
    try:
        with History(history_path()) as history:
            history.add(outcome.record, outcome.folder, figures)
    except RunFailed as error:
        progress.warn(f"{outcome.folder} is not in the history: {error.message}")


def _as_data(result: CaseResult) -> dict[str, Any]:
    """Returns the record with its folder and KPIs, or why there is no record."""
    import msgspec

    name = result.planned.case.name
    if result.outcome is None:
        return {"name": name, "status": "failed", "reason": str(result.error)}
    record, samples = result.outcome.record, result.outcome.samples
    data: dict[str, Any] = msgspec.to_builtins(record)
    figures = msgspec.to_builtins(kpi_block(record, samples).kpis)
    return data | {"name": name, "folder": str(result.outcome.folder), "kpis": figures}


def _as_text(results: Sequence[CaseResult], *, blocks: bool) -> str:
    """Returns KPI blocks or the overview, then where the records lie; empty without any record."""
    outcomes = [result.outcome for result in results if result.outcome is not None]
    if not outcomes:
        return ""
    if blocks:
        text = format_kpis([kpi_block(one.record, one.samples) for one in outcomes])
    else:
        failures = [
            (result.planned.case, str(result.error)) for result in results if result.outcome is None
        ]
        rows = overview_rows([(one.record, one.samples) for one in outcomes], failures)
        width = shutil.get_terminal_size((100, 24)).columns
        heading = what_ran([one.record for one in outcomes], width)
        text = (f"{heading}\n\n" if heading else "") + overview_text(rows, width)
    return text + _where_line(outcomes)


def _where_line(outcomes: Sequence[Outcome]) -> str:
    folders = [str(outcome.folder) for outcome in outcomes]
    look = folders[0] if len(folders) == 1 else str(outcomes[0].folder.parent)
    return f"# records: {look}   look again: r50bench kpi {look}\n"


def _raise_failures(results: Sequence[CaseResult]) -> None:
    errors = [(result.planned.case.name, result.error) for result in results if result.error]
    if not errors:
        return
    first: R50BenchError = errors[0][1]
    if len(results) == 1:
        raise first
    reasons = "; ".join(f"{name}: {error.message}" for name, error in errors)
    raise type(first)(f"{len(errors)} of {len(results)} cases failed: {reasons}", hint=first.hint)
