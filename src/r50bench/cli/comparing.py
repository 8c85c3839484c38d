"""What the verbs that compare share: the threshold, and how a comparison is printed."""

from __future__ import annotations

import json
import shutil

import click

from r50bench.cli.sides import share_of
from r50bench.comparison.compare import Comparison
from r50bench.comparison.text import comparison_as_data, comparison_markdown, comparison_text
from r50bench.comparison.verdict import DEFAULT_TOLERANCE

__all__ = ["as_printed", "threshold_option"]

threshold_option = click.option(
    "--threshold",
    default=f"{100 * DEFAULT_TOLERANCE:g}%",
    show_default=True,
    callback=lambda ctx, param, text: share_of(text),
    metavar="PERCENT",
    help="What counts as the same, such as 3%.",
)


def as_printed(comparison: Comparison, style: str) -> str:
    """Returns a comparison as ``text``, ``json`` or ``markdown``."""
    if style == "json":
        return json.dumps(comparison_as_data(comparison), indent=2, ensure_ascii=False) + "\n"
    if style == "markdown":
        return comparison_markdown(comparison)
    return comparison_text(comparison, shutil.get_terminal_size((120, 24)).columns)
