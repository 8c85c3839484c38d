"""Figures over time in characters: a sparkline, and a chart of several lines."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from r50bench.results.stats import Floats
from r50bench.wording import figure

__all__ = ["chart_lines", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"
_DOT, _CHANGE = "•", "│"


def sparkline(figures: Floats, width: int) -> str:
    """Returns one character a figure, oldest first; medians of neighbours where there are more.

    The lowest bar is the smallest figure shown, the highest the largest; equal figures are in the
    middle. ``width`` is the most characters.
    """
    shown, _ = _columns(figures, width)
    low, high = float(np.min(shown)), float(np.max(shown))
    if not _differ(low, high):
        return _BARS[3] * len(shown)
    steps = np.rint((shown - low) / (high - low) * (len(_BARS) - 1)).astype(int)
    return "".join(_BARS[step] for step in steps)


def chart_lines(
    figures: Floats, changes: Collection[int], ends: tuple[str, str], width: int, height: int = 8
) -> list[str]:
    """Returns the lines of a chart: a dot a figure, oldest at the left, an upright at each change.

    ``changes`` are positions in ``figures``; ``ends`` what is written below the first and the last,
    such as dates. Columns stand for medians of neighbours where there are more figures than fit.
    """
    low, high = float(np.min(figures)), float(np.max(figures))
    differ = _differ(low, high)
    labels = [figure(high), figure(low)] if differ else [figure(high)]
    margin = max(map(len, labels)) + 1
    shown, first_of = _columns(figures, max(1, width - margin - 1))
    rows = len(labels) if len(labels) == 1 else height
    grid = [[" "] * len(shown) for _ in range(rows)]
    for at in changes:
        column = int(np.searchsorted(first_of, at, side="right")) - 1
        for row in grid:
            row[column] = _CHANGE
    for column, value in enumerate(shown):
        share = (high - value) / (high - low) if differ else 0.0
        grid[round(share * (rows - 1))][column] = _DOT
    edge = [labels[0], *[""] * (rows - 2), *labels[1:]]
    body = [
        f"{label:>{margin - 1}} ┤{''.join(row)}".rstrip()
        for label, row in zip(edge, grid, strict=True)
    ]
    gap = len(shown) - len(ends[0]) - len(ends[1])
    below = ends[0] + " " * max(1, gap) + ends[1] if len(figures) > 1 else ends[0]
    return [*body, " " * (margin + 1) + below]


def _differ(low: float, high: float) -> bool:
    """Whether it takes more than the last digits of their computation to tell them apart."""
    return high - low > 1e-9 * high


def _columns(
    figures: Floats, width: int
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Returns at most ``width`` medians, and the position of the first figure in each."""
    count = min(len(figures), width)
    first_of = np.arange(count, dtype=np.int64) * len(figures) // count
    parts = np.split(figures, first_of[1:])
    return np.array([np.median(part) for part in parts], np.float64), first_of
