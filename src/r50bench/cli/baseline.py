"""``r50bench baseline``: runs kept under a name, to compare with later."""

from __future__ import annotations

import click

from r50bench.cli.sides import side_named
from r50bench.comparison.baseline import Baseline, baselines_here
from r50bench.comparison.naming import SIDES_HELP
from r50bench.comparison.side import MeasuredRun, side_of
from r50bench.errors import R50BenchError
from r50bench.report.table import Column, Missing, Table
from r50bench.results.folders import without_pages
from r50bench.wording import counted, figure

__all__ = ["baseline"]


@click.group("baseline")
def baseline() -> None:
    """Keeps runs under a name, whole, to compare and check with later."""


@baseline.command("save", epilog=f"RECORD is {SIDES_HELP}.")
@click.argument("name")
@click.argument("records", nargs=-1, required=True, metavar="RECORD...")
@click.option("--replace", is_flag=True, help="Replace a baseline of the same name.")
def save(name: str, records: tuple[str, ...], replace: bool) -> None:
    """Saves runs as the baseline NAME; their folders may go afterwards."""
    runs = [run for word in without_pages(records) for run in side_named(word).runs]
    side = side_of(f"baseline {name}", runs)
    path = baselines_here().save(name, side.runs, replace=replace)
    for notice in side.notices:
        click.echo(f"! {notice}", err=True)
    click.echo(f"{name}: {counted(len(side.runs), 'run')} in {path}")
    click.echo(f"# compare: r50bench compare {name} NEW")


@baseline.command("list")
def list_baselines() -> None:
    """Lists the baselines: what was run, on which CPU, how many processes."""
    kept = baselines_here()
    rows = [_summary(name) for name in kept.names()]
    if not rows:
        click.echo("there are no baselines; 'r50bench baseline save NAME RECORD' makes one")
        return
    head = (
        Column("name", "left"),
        "runs",
        Column("cases", "left", wraps=True),
        "CPU",
        "saved from",
    )
    click.echo(Table.of(head, rows).text())


@baseline.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Shows the runs of the baseline NAME with their primary figures."""
    found = baselines_here().read(name)
    head = (Column("record", "left"), Column("figure", "left"), Column("value", "right"))
    click.echo(Table.of(head, map(_run_row, found.runs)).text())
    click.echo(f"# file: {found.path}")


@baseline.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Removes the baseline NAME; the records it was made of stay where they are."""
    click.echo(f"removed {baselines_here().remove(name)}")


def _summary(name: str) -> tuple[str | Missing, ...]:
    try:
        found = baselines_here().read(name)
    except R50BenchError as error:
        return name, Missing("-"), Missing(error.message), "", ""
    return _row(found)


def _row(found: Baseline) -> tuple[str, ...]:
    records = [run.record for run in found.runs]
    return (
        found.name,
        str(len(records)),
        " ".join(dict.fromkeys(record.name for record in records)),
        str(records[0].host.get("model_name", "unknown")) if records else "",
        max((record.created for record in records), default="")[:10],
    )


def _run_row(run: MeasuredRun) -> tuple[str, str, str]:
    if not run.figures:
        return run.record.id, "invalid", ""
    return run.record.id, run.primary.label, figure(run.primary.value)
