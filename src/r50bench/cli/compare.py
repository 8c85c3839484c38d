"""``r50bench compare``: two sets of runs, and whether one is faster."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import click

from r50bench.cli.comparing import as_printed, leave_comparison, threshold_option
from r50bench.cli.options import out_option, undisturbed_option
from r50bench.cli.sides import side_named
from r50bench.comparison.between import compare_by_history
from r50bench.comparison.compare import raise_verdict
from r50bench.comparison.naming import SIDES_HELP
from r50bench.report.terminal import TerminalProgress
from r50bench.results.judged import Judged
from r50bench.results.record import new_record_id

__all__ = ["compare"]


@click.command("compare", epilog=f"A side is {SIDES_HELP}.")
@click.argument("base", metavar="BASE")
@click.argument("new", metavar="NEW")
@threshold_option
@undisturbed_option
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option(
    "--format",
    "style",
    type=click.Choice(("text", "json", "markdown")),
    default="text",
    show_default=True,
    help="How it is written; markdown suits a pull request.",
)
@out_option("the page goes")
def compare(
    base: str,
    new: str,
    threshold: float,
    judged: Judged,
    as_json: bool,
    style: str,
    out: Path,
) -> None:
    """Says of each case whether NEW is faster or slower than BASE, or the same.

    \b
    r50bench compare r50bench-runs/monday r50bench-runs/tuesday
    r50bench compare before 'precision=amx_int8,created>2026-11-01'

    Processes are the independent samples: 'r50bench run --processes 5' makes a side of five. Exits
    with 0 where every case is faster or the same within the threshold, with 3 where one is slower,
    with 4 where none is but one is too noisy to say. A page with pictures is left below --out.
    """
    sides = side_named(base), side_named(new)
    comparison = compare_by_history(*sides, threshold, judged)
    style = "json" if as_json else style
    click.echo(as_printed(comparison, style), nl=False)
    name = f"{new_record_id('compare', datetime.now(timezone.utc))}.html"
    runs = sides[0].runs, sides[1].runs
    with TerminalProgress() as progress:
        page = leave_comparison(comparison, runs, out / name, progress, title="r50bench compare")
    if style == "text":
        click.echo(page, nl=False)
    raise_verdict(comparison)
