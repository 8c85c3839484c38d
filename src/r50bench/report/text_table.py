"""A table of words and figures that is Markdown too."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["text_table"]


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Returns the rows, the first being the head, without columns that are empty everywhere.

    Columns of words go to the left, those with figures to the right.
    """
    columns = [column for column in zip(*rows, strict=True) if any(column)]
    left = [not any(cell[:1].isdigit() for cell in column[1:]) for column in columns]
    widths = [max(3, *map(len, column)) for column in columns]
    lines = [_line(row, widths, left) for row in zip(*columns, strict=True)]
    rule = "".join(
        f"{'-' * (width + 1)}{'-' if is_left else ':'}|"
        for width, is_left in zip(widths, left, strict=True)
    )
    return "\n".join([lines[0], f"|{rule}", *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    cells = [
        cell.ljust(width) if is_left else cell.rjust(width)
        for cell, width, is_left in zip(row, widths, left, strict=True)
    ]
    return f"| {' | '.join(cells)} |"
