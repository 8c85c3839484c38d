"""A table as typed cells, rendered for a terminal, as Markdown and as HTML: the one printer."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

__all__ = ["Cell", "Column", "Missing", "Table", "named_lines"]

_BETWEEN, _BETWEEN_NARROW = "  ", " "
_FIGURE = re.compile(r"[+−-]?\d")


@dataclass(frozen=True)
class Missing:
    """Why a cell has no figure, in a word or two."""

    word: str


Cell = str | Missing


@dataclass(frozen=True)
class Column:
    """The head of a column; ``title`` may have several lines, the last one just above the cells.

    Without ``align``, a column with figures goes to the right and one of words to the left. Where a
    terminal is too narrow, the cells of a column that ``wraps`` are broken at blanks.
    """

    title: str
    align: Literal["left", "right"] | None = None
    wraps: bool = False


@dataclass(frozen=True)
class Table:
    """Columns and rows of as many cells; an empty row is a gap between groups of rows.

    A column without a title and without any text is left out of every rendering.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(cls, head: Iterable[str | Column], rows: Iterable[Sequence[Cell]]) -> Table:
        """Returns the table of a head, whose plain words are titles, and its rows.

        Raises:
            ValueError: a row has another number of cells than the head.
        """
        columns = tuple(Column(word) if isinstance(word, str) else word for word in head)
        kept = tuple(tuple(row) for row in rows)
        for row in kept:
            if len(row) not in (0, len(columns)):
                raise ValueError(f"a row of {len(row)} cells below {len(columns)} columns: {row}")
        shown = [
            at
            for at, column in enumerate(columns)
            if column.title.strip() or any(_word(row[at]) for row in kept if row)
        ]
        return cls(
            tuple(columns[at] for at in shown),
            tuple(tuple(row[at] for at in shown) if row else () for row in kept),
        )

    def text(self, width: int | None = None) -> str:
        """Returns aligned lines below a ruled head, without a newline at the end.

        Of ``width`` columns where wrapping, and one blank in place of two between columns, allow
        that: no figure is ever cut, so that lines may be longer than a very narrow terminal.
        """
        right, widths, between = self._right(), self._widths(), _BETWEEN
        if width is not None:
            narrowed = self._narrowed(widths, width, between)
            if _total(narrowed, between) > width:
                between = _BETWEEN_NARROW
                narrowed = self._narrowed(widths, width, between)
            widths = narrowed
        titles = [column.title for column in self.columns]
        head = _block(titles, widths, right, between, at_end=True)
        body = [_block(list(map(_word, row)), widths, right, between) for row in self.rows]
        lines = [line for block in body for line in block]
        return "\n".join([*head, "─" * max(map(len, [*head, *lines])), *lines])

    def markdown(self) -> str:
        """Returns a table of GitHub's Markdown, without a newline at the end."""
        rule = ["---:" if is_right else "---" for is_right in self._right()]
        titles = [" ".join(column.title.split()) for column in self.columns]
        body = [list(map(_word, row)) for row in self.rows if row]
        lines = [[cell.replace("|", "\\|") for cell in row] for row in (titles, rule, *body)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def html(self) -> str:
        """Returns a ``<table>`` whose cells and rows have classes.

        Those of figures are ``figure``, of columns that wrap ``words``, rows below a gap ``gap``.
        """
        right = self._right()
        kinds = [
            "figure" if is_right else "words" if column.wraps else ""
            for is_right, column in zip(right, self.columns, strict=True)
        ]
        head = "".join(
            f"<th{_class(kind)}>{'<br>'.join(map(escape, column.title.strip().splitlines()))}</th>"
            for column, kind in zip(self.columns, kinds, strict=True)
        )
        lines = [f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>"]
        after_gap = False
        for row in self.rows:
            if row:
                cells = "".join(map(_html_cell, row, kinds))
                lines.append(f"<tr{_class('gap' if after_gap else '')}>{cells}</tr>")
            after_gap = not row
        return "\n".join([*lines, "</tbody>\n</table>"])

    def _below(self, at: int) -> list[Cell]:
        return [row[at] for row in self.rows if row]

    def _right(self) -> list[bool]:
        figures = [
            any(_FIGURE.match(cell) for cell in self._below(at) if isinstance(cell, str))
            for at in range(len(self.columns))
        ]
        return [
            has_figures if column.align is None else column.align == "right"
            for column, has_figures in zip(self.columns, figures, strict=True)
        ]

    def _widths(self) -> list[int]:
        return [
            max(map(len, [*column.title.splitlines(), *map(_word, self._below(at))]), default=0)
            for at, column in enumerate(self.columns)
        ]

    def _narrowed(self, widths: list[int], width: int, between: str) -> list[int]:
        """Returns the widths with what is too much taken from the columns that wrap."""
        found = list(widths)
        for at, column in reversed(list(enumerate(self.columns))):
            excess = _total(found, between) - width
            if column.wraps and excess > 0:
                cells = [column.title, *map(_word, self._below(at))]
                longest_word = max(len(word) for cell in cells for word in [*cell.split(), ""])
                found[at] = max(found[at] - excess, longest_word)
        return found


def _block(
    row: Sequence[str],
    widths: Sequence[int],
    right: Sequence[bool],
    between: str,
    *,
    at_end: bool = False,
) -> list[str]:
    """Returns the lines of one row; ``at_end`` lets lower cells stand on its last line."""
    if not row:
        return [""]
    cells = [_lines(cell, width) for cell, width in zip(row, widths, strict=True)]
    height = max(map(len, cells))
    padded = [
        [""] * (height - len(lines)) + lines if at_end else lines + [""] * (height - len(lines))
        for lines in cells
    ]
    return [
        between.join(
            text.rjust(width) if is_right else text.ljust(width)
            for text, width, is_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in zip(*padded, strict=True)
    ]


def _total(widths: Sequence[int], between: str) -> int:
    return sum(widths) + len(between) * (len(widths) - 1)


def named_lines(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Returns a line for each name and its text, the texts below one another."""
    known = list(pairs)
    width = max((len(name) for name, _ in known), default=0)
    return [f"{name:<{width}}{_BETWEEN}{text}".rstrip() for name, text in known]


def _word(cell: Cell) -> str:
    return cell.word if isinstance(cell, Missing) else cell


def _lines(cell: str, width: int) -> list[str]:
    lines = cell.splitlines() or [""]
    if max(map(len, lines)) <= width:
        return lines
    return textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False)


def _html_cell(cell: Cell, kind: str) -> str:
    names = f"{kind} missing".strip() if isinstance(cell, Missing) else kind
    return f"<td{_class(names)}>{escape(_word(cell))}</td>"


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""
