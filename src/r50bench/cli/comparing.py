"""What the verbs that compare share: the threshold, and how a comparison is shown."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import click

from r50bench.cli.sides import share_of
from r50bench.comparison.compare import Comparison
from r50bench.comparison.side import MeasuredRun
from r50bench.comparison.text import comparison_as_data, comparison_markdown, comparison_text
from r50bench.comparison.verdict import DEFAULT_TOLERANCE
from r50bench.notices import Progress

__all__ = ["as_printed", "leave_comparison", "threshold_option"]

threshold_option = click.option(
    "--threshold",
    default=f"{100 * DEFAULT_TOLERANCE:g}%",
    show_default=True,
    callback=lambda ctx, param, text: share_of(text),
    metavar="PERCENT",
    help="What counts as the same, such as 3%.",
)


def leave_comparison(
    comparison: Comparison,
    sides: tuple[Iterable[MeasuredRun], Iterable[MeasuredRun]],
    path: Path,
    progress: Progress,
    *,
    title: str,
) -> str:
    """Leaves the page of a comparison, and returns the line that says where it lies."""
    from r50bench.cli.pages import leave  # the verdict does not wait for it
    from r50bench.comparison.page import comparison_page

    base, new = map(tuple, sides)
    return leave(comparison_page(comparison, base, new, title=title), path, progress)


def as_printed(comparison: Comparison, style: str) -> str:
    """Returns a comparison as ``text``, ``json`` or ``markdown``."""
    if style == "json":
        return json.dumps(comparison_as_data(comparison), indent=2, ensure_ascii=False) + "\n"
    if style == "markdown":
        return comparison_markdown(comparison)
    return comparison_text(comparison, shutil.get_terminal_size((120, 24)).columns)
