"""``r50bench compare``: two sets of runs, and whether one is faster."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence

import click

from r50bench.cli.sides import SIDES_HELP, share_of, side_named
from r50bench.comparison.between import between_processes
from r50bench.comparison.compare import Comparison, compare_sides, raise_verdict
from r50bench.comparison.side import Side
from r50bench.comparison.text import comparison_as_data, comparison_markdown, comparison_text
from r50bench.comparison.verdict import DEFAULT_TOLERANCE, Between
from r50bench.results.history import History, history_path
from r50bench.results.record import Record

__all__ = ["as_printed", "compare", "compared_here", "threshold_option"]

threshold_option = click.option(
    "--threshold",
    default=f"{100 * DEFAULT_TOLERANCE:g}%",
    show_default=True,
    callback=lambda ctx, param, text: share_of(text),
    metavar="PERCENT",
    help="What counts as the same, such as 3%.",
)


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
    comparison = compared_here(side_named(base), side_named(new), threshold)
    click.echo(as_printed(comparison, "json" if as_json else style), nl=False)
    raise_verdict(comparison)


def compared_here(base: Side, new: Side, tolerance: float) -> Comparison:
    """Compares, asking this user's history about the spread where single processes are compared."""

    def known(records: Sequence[Record]) -> Between | None:
        with History(history_path()) as history:
            return between_processes(history, records, [record.id for record in records])

    return compare_sides(base, new, tolerance=tolerance, known=known)


def as_printed(comparison: Comparison, style: str) -> str:
    """Returns a comparison as ``text``, ``json`` or ``markdown``."""
    if style == "json":
        return json.dumps(comparison_as_data(comparison), indent=2, ensure_ascii=False) + "\n"
    if style == "markdown":
        return comparison_markdown(comparison)
    return comparison_text(comparison, shutil.get_terminal_size((120, 24)).columns)
