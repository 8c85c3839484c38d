"""``r50bench compare``: two sets of runs, and whether one is faster."""

from __future__ import annotations

import click

from r50bench.cli.comparing import as_printed, threshold_option
from r50bench.cli.sides import side_named
from r50bench.comparison.compare import raise_verdict
from r50bench.comparison.naming import SIDES_HELP
from r50bench.comparison.public import compare_by_history

__all__ = ["compare"]


@click.command("compare", epilog=f"A side is {SIDES_HELP}.")
@click.argument("base", metavar="BASE")
@click.argument("new", metavar="NEW")
@threshold_option
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option(
    "--format",
    "style",
    type=click.Choice(("text", "json", "markdown")),
    default="text",
    show_default=True,
    help="How it is written; markdown suits a pull request.",
)
def compare(base: str, new: str, threshold: float, as_json: bool, style: str) -> None:
    """Says of each case whether NEW is faster or slower than BASE, or the same.

    \b
    r50bench compare r50bench-runs/monday r50bench-runs/tuesday
    r50bench compare before 'precision=amx_int8,created>2026-11-01'

    Processes are the independent samples: 'r50bench run --processes 5' makes a side of five. Exits
    with 0 where every case is faster or the same within the threshold, with 3 where one is slower,
    with 4 where none is but one is too noisy to say.
    """
    comparison = compare_by_history(side_named(base), side_named(new), threshold)
    click.echo(as_printed(comparison, "json" if as_json else style), nl=False)
    raise_verdict(comparison)
