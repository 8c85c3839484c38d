"""``r50bench sweep``: every combination of several values, and which is best."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from r50bench.case import CaseName
from r50bench.cli.options import (
    FOLDER,
    collect_settings,
    json_option,
    parameter_options,
    quiet_option,
    refuse_given_twice,
    set_option,
)
from r50bench.cli.pages import leave_page, read_shown
from r50bench.cli.selection import CHOSEN_PARTS, select
from r50bench.cli.sent_around import SentAround
from r50bench.cli.shell import terminal_width
from r50bench.errors import RunFailed, UsageError
from r50bench.host import topology
from r50bench.host.snapshot import host_identity, versions
from r50bench.host.topology import Host
from r50bench.measure.bench import announce_cases, announce_host, bench_here
from r50bench.measure.remembering import remember
from r50bench.notices import Progress
from r50bench.parameters import Setting
from r50bench.parameters.value_lists import Axis, read_axes
from r50bench.planning.placement import cores_of_one_instance
from r50bench.report.terminal import TerminalProgress
from r50bench.report.what_ran import what_ran
from r50bench.results.files import write_text_atomically
from r50bench.results.record import new_record_id
from r50bench.sweep.folder import SweepFolder, read_plan
from r50bench.sweep.grid import Assignment, full_grid, side_by_side
from r50bench.sweep.page import sweep_page, sweep_sections
from r50bench.sweep.plan import SweepPlan, plan_sweep, refuse_axes
from r50bench.sweep.results import PointResult
from r50bench.sweep.run import Sweep, describe
from r50bench.sweep.text import live_row, reasons, sweep_as_data, sweep_csv, sweep_text
from r50bench.wording import look_again

__all__ = ["sweep"]

DEFAULT_OUT = Path("r50bench-sweeps")

Options = Mapping[str, "str | bool | None"]


@click.command("sweep", cls=SentAround)
@click.argument("cases", nargs=-1, metavar="[CASE-OR-GLOB]...")
@set_option(
    "Values of a parameter: BATCH_SIZE='1 2 4 … 64', or several joined by '/'.", "KEY=VALUES"
)
@click.option(
    "--zip",
    "zipped",
    is_flag=True,
    help="Take the values of several --set side by side, as ctest does, not in every combination.",
)
@click.option("-N", "--dry-run", is_flag=True, help="Print the points, measure nothing.")
@json_option("points and results")
@click.option(
    "--out",
    type=FOLDER,
    metavar="DIR",
    help=f"The sweep's folder; a new one below {DEFAULT_OUT} by default. The same sweep goes on.",
)
@click.option(
    "--resume",
    type=FOLDER,
    metavar="DIR",
    help="Go on with the sweep in this folder; nothing else need be said.",
)
@quiet_option
@parameter_options
def sweep(
    cases: tuple[str, ...],
    sets: tuple[str, ...],
    zipped: bool,
    dry_run: bool,
    as_json: bool,
    out: Path | None,
    resume: Path | None,
    quiet: bool,
    **options: str | bool | None,
) -> None:
    """Measures every combination of several values, and says which is best.

    \b
    r50bench sweep inference_throughput_int8 --set BATCH_SIZE="1 2 4 … 64" \\
                   --set CORES_PER_INSTANCE="1 2"

    Values are lists ("1 2 4"), arithmetic ranges ("1000 1300 … 2000"), geometric ones ("1 2 4 …
    64") and products ("BATCH_SIZE=1 2/CORES_PER_INSTANCE=1 2"); "|16" keeps what 16 divides, "48|"
    what divides 48. '...' may stand for '…'. PRECISION, MODE and CASE_TYPE given so take the place
    of the name's. Without any list, BATCH_SIZE is 1 2 4 … 64 and CORES_PER_INSTANCE all that divide
    a NUMA node; without a case, throughput is measured in every precision of this CPU.

    Points are measured in shuffled order, --repeat times each, so that a drift of the machine
    strikes all alike. What was killed goes on with --resume DIR, or with the same command and
    --out, and tries what has failed again. The folder holds a record for each measurement,
    points.csv, and the picture sweep.html.
    """
    host = topology.read_host()
    if resume is None:
        plan = _plan(cases, sets, options, host, zipped=zipped)
    else:
        _refuse_beside_resume(cases, sets, options, out)
        plan, out = _resumed(resume, host), resume
    if dry_run:
        _show_points(plan, as_json=as_json)
        return
    _execute(plan, host, out, DEFAULT_OUT, as_json=as_json, quiet=quiet)


def _plan(
    words: Sequence[str], sets: Sequence[str], options: Options, host: Host, *, zipped: bool
) -> SweepPlan:
    groups = read_axes(sets)
    axes = [axis for group in groups for axis in group]
    refuse_given_twice(axes, options)
    if all(len(axis.values) == 1 for axis in axes):
        groups = _with_default_axes(groups, _default_axes(axes, options, host))
    assignments = side_by_side(groups) if zipped else full_grid(groups)
    refuse_axes(assignments)
    swept = {axis.parameter.name for axis in axes if len(axis.values) > 1}
    return plan_sweep(_requests(words, assignments, options, swept, host), host)


def _requests(
    words: Sequence[str],
    assignments: Iterable[Assignment],
    options: Options,
    swept: Collection[str],
    host: Host,
) -> Iterator[tuple[CaseName, Mapping[str, Setting], Assignment]]:
    for assignment in assignments:
        settings = collect_settings(options, [f"{key}={text}" for key, text in assignment])
        for name in _names(words, settings, swept, host):
            yield name, settings, assignment


def _names(
    words: Sequence[str], settings: Mapping[str, Setting], swept: Collection[str], host: Host
) -> list[CaseName]:
    """Returns the cases of one point, in which parts that are swept take the place of the name's.

    Throughput is what is measured where nothing names a mode.
    """
    if not words:
        return list(select((), None, settings, host, default_mode="throughput"))
    parts: dict[str, Any] = {
        part: str(settings[part].value)
        for part in CHOSEN_PARTS
        if part in swept and part in settings
    }
    unswept = {name: setting for name, setting in settings.items() if name not in parts}
    swept_parts = frozenset(parts)
    names = [
        replace(name, **parts, unspelled=name.unspelled | swept_parts)
        for name in select(words, None, unswept, host)
    ]
    return list(dict.fromkeys(names))


def _default_axes(axes: Sequence[Axis], options: Options, host: Host) -> tuple[tuple[Axis], ...]:
    """Returns the axes of the full sweep, less what was given one value."""
    given = collect_settings(options, [f"{axis.parameter.key}={axis.values[0]}" for axis in axes])
    cores = cores_of_one_instance(host, "throughput", across_nodes=False)
    sizes = " ".join(str(size) for size in range(1, cores + 1) if cores % size == 0)
    full = read_axes(["BATCH_SIZE=1 2 4 … 64", f"CORES_PER_INSTANCE={sizes}"])
    return tuple((axis,) for (axis,) in full if axis.parameter.name not in given)


def _with_default_axes(
    groups: Sequence[tuple[Axis, ...]], defaults: Sequence[tuple[Axis]]
) -> tuple[tuple[Axis, ...], ...]:
    """Returns the groups behind the default axes, which take the place of empty values."""
    swept = {axis.parameter.name for (axis,) in defaults}
    given = (tuple(axis for axis in group if axis.parameter.name not in swept) for group in groups)
    return (*defaults, *filter(None, given))


def _refuse_beside_resume(
    cases: Sequence[str], sets: Sequence[str], options: Options, out: Path | None
) -> None:
    if cases or sets or out is not None or any(value is not None for value in options.values()):
        raise UsageError(
            "--resume goes on with a sweep as it was begun, and takes nothing beside it",
            hint="leave the rest out, or leave --resume out to begin a new sweep",
        )


def _resumed(folder: Path, host: Host) -> SweepPlan:
    """Returns the plan in ``folder`` with host and versions as they are now."""
    return replace(read_plan(folder), host=host_identity(host), versions=versions())


PAGE, POINTS = "sweep.html", "points.csv"


def _show_points(plan: SweepPlan, *, as_json: bool) -> None:
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


def _execute(
    plan: SweepPlan, host: Host, out: Path | None, below: Path, *, as_json: bool, quiet: bool
) -> None:
    """Measures what is missing of the sweep in ``out`` (None: in a new folder ``below``).

    Raises:
        RunFailed: a point has failed; after all others have been measured.
    """
    path = out or below / new_record_id("sweep", datetime.now(timezone.utc))
    with SweepFolder.opened(path, plan) as folder:
        progress = TerminalProgress(quiet=quiet)
        bench = bench_here(host, path, progress)
        sweep = Sweep(folder, bench)
        try:
            with progress:
                cases = [point.effective for point in plan.points if point.effective is not None]
                announce_host(bench)
                announce_cases(cases, progress)
                for notice in sweep.notices:
                    progress.warn(notice)
                progress.note(_extent(sweep, plan, len(cases), path))
                for result, outcome in sweep.run():
                    if outcome is not None:
                        remember(outcome, progress)
                    progress.note(live_row(result, plan.passes))
                    _keep(sweep.results, plan.passes, path)
        finally:
            # What is finished is shown, also where the rest was interrupted.
            _keep(sweep.results, plan.passes, path)
            _leave_page(sweep.results, plan.passes, path, progress)
            _show(sweep, plan, path, as_json=as_json)
    _raise_failures(sweep.results)


def _resume(path: Path) -> str:
    return f"r50bench sweep --resume {shlex.quote(str(path))}"


def _extent(sweep: Sweep, plan: SweepPlan, points: int, path: Path) -> str:
    begun = f", {sweep.done} done already" if sweep.done else ""
    return (
        f"{points * plan.passes} measurements of {points} points{begun}; if this is interrupted:"
        f" {_resume(path)}"
    )


def _keep(results: Sequence[PointResult], passes: int, path: Path) -> None:
    """Rewrites the table and the picture beside the records."""
    write_text_atomically(path / POINTS, sweep_csv(results))
    write_text_atomically(path / PAGE, sweep_page(results, passes))


def _leave_page(
    results: Sequence[PointResult], passes: int, path: Path, progress: Progress
) -> None:
    """Puts the page of all records in the place of the one that showed how far the sweep was."""
    runs, _ = read_shown(folder for one in results for folder in one.folders)
    leave_page(
        runs,
        path / PAGE,
        progress,
        title="r50bench sweep",
        first=sweep_sections(results, passes),
        notes=reasons(results),
    )


def _show(sweep: Sweep, plan: SweepPlan, path: Path, *, as_json: bool) -> None:
    if as_json:
        data = {"folder": str(path)} | sweep_as_data(sweep.results)
        click.echo(json.dumps(data, indent=2))
        return
    records = [one.record for one in sweep.results if one.record is not None]
    heading = what_ran(records, terminal_width()) if records else ""
    text = sweep_text(sweep.results, plan.passes, terminal_width())
    click.echo((f"{heading}\n\n" if heading else "") + text)
    click.echo(f"# picture: {path / PAGE}   table: {path / POINTS}   records: {look_again(path)}")
    if any(not one.figures and one.point.case is not None for one in sweep.results):
        click.echo(f"# not all is measured; go on with: {_resume(path)}")


def _raise_failures(results: Sequence[PointResult]) -> None:
    failed = [one for one in results if one.reason is not None and one.point.case is not None]
    if failed:
        raise RunFailed(
            f"{len(failed)} of {len(results)} points failed; {describe(failed[0].point)}:"
            f" {failed[0].reason}",
            hint="r50bench sweep --resume tries them again",
        )
