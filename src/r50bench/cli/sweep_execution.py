"""Runs a planned sweep, shows it while it grows, and says at its end what is best."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import click

from r50bench.assets.store import default_store
from r50bench.cli.execution import remember, write_kpi_file
from r50bench.cli.plan_text import describe_host
from r50bench.errors import RunFailed
from r50bench.host.doctor import examine
from r50bench.host.topology import Host
from r50bench.parameters import UNDERSTOOD_VARIABLES
from r50bench.report.terminal import TerminalProgress
from r50bench.report.what_ran import what_ran
from r50bench.results.atomic import write_atomically
from r50bench.results.record import new_record_id
from r50bench.sweep.folder import SweepFolder
from r50bench.sweep.page import sweep_page
from r50bench.sweep.plan import SweepPlan
from r50bench.sweep.results import PointResult
from r50bench.sweep.run import Sweep, describe
from r50bench.sweep.text import live_row, sweep_as_data, sweep_csv, sweep_text

__all__ = ["execute_sweep", "show_points"]

PAGE, POINTS = "sweep.html", "points.csv"


def show_points(plan: SweepPlan, *, as_json: bool) -> None:
    """Prints the points of a sweep that is not run."""
    if as_json:
        results = [PointResult(point, reason=point.refused) for point in plan.points]
        click.echo(json.dumps(sweep_as_data(results), indent=2))
        return
    times = f", {plan.passes} times each" if plan.passes > 1 else ""
    click.echo(f"{len(plan.points)} points{times}")
    for point in plan.points:
        words = " ".join(f"{key}={text}" for key, text in point.assignment)
        why = f"cannot run: {point.refused}" if point.refused else describe(point)
        click.echo(f"  {words:<48}  {why}".rstrip())


def execute_sweep(
    plan: SweepPlan, host: Host, out: Path | None, below: Path, *, as_json: bool, quiet: bool
) -> None:
    """Measures what is missing of the sweep in ``out`` (None: in a new folder ``below``).

    Raises:
        RunFailed: a point has failed; after all others have been measured.
        UsageError: the folder cannot be used.
    """
    path = out or below / new_record_id("sweep", datetime.now(timezone.utc))
    with SweepFolder.opened(path, plan) as folder:
        progress = TerminalProgress(quiet=quiet)
        sweep = Sweep(folder, host, default_store(), progress, write_kpi_file)
        try:
            with progress:
                _announce(sweep, plan, host, path, progress)
                for result, outcome in sweep.run():
                    if outcome is not None:
                        remember(outcome, progress)
                    progress.note(live_row(result, plan.passes))
                    _keep(sweep.results, plan.passes, path)
        finally:
            # What is finished is shown, also where the rest was interrupted.
            _keep(sweep.results, plan.passes, path)
            _show(sweep, plan, path, as_json=as_json)
    _raise_failures(sweep.results)


def _announce(
    sweep: Sweep, plan: SweepPlan, host: Host, path: Path, progress: TerminalProgress
) -> None:
    progress.note(describe_host(host))
    for finding in examine(host, understood=UNDERSTOOD_VARIABLES):
        progress.warn(f"{finding.text}: {finding.mend}")
    effective = [point.effective for point in plan.points if point.effective is not None]
    for note in dict.fromkeys(note for one in effective for note in one.notes):
        progress.warn(note)
    total = len(effective) * plan.passes
    begun = f", {sweep.done} done already" if sweep.done else ""
    progress.note(
        f"{total} measurements of {len(effective)} points{begun}; if this is interrupted:"
        f" r50bench sweep --resume {path}"
    )


def _keep(results: Sequence[PointResult], passes: int, path: Path) -> None:
    """Rewrites the table and the picture beside the records."""
    write_atomically(path / POINTS, sweep_csv(results).encode())
    write_atomically(path / PAGE, sweep_page(results, passes).encode())


def _show(sweep: Sweep, plan: SweepPlan, path: Path, *, as_json: bool) -> None:
    if as_json:
        data = {"folder": str(path)} | sweep_as_data(sweep.results)
        click.echo(json.dumps(data, indent=2))
        return
    records = [one.record for one in sweep.results if one.record is not None]
    width = shutil.get_terminal_size((100, 24)).columns
    heading = what_ran(records, width) if records else ""
    click.echo((f"{heading}\n\n" if heading else "") + sweep_text(sweep.results, plan.passes))
    click.echo(f"# picture: {path / PAGE}   table: {path / POINTS}   records: r50bench kpi {path}")
    if any(not one.figures and one.point.case is not None for one in sweep.results):
        click.echo(f"# not all is measured; go on with: r50bench sweep --resume {path}")


def _raise_failures(results: Sequence[PointResult]) -> None:
    failed = [one for one in results if one.reason is not None and one.point.case is not None]
    if failed:
        raise RunFailed(
            f"{len(failed)} of {len(results)} points failed; {describe(failed[0].point)}:"
            f" {failed[0].reason}",
            hint="r50bench sweep --resume tries them again",
        )
