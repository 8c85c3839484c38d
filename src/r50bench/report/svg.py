"""What all pictures share: the frame, a style for light and dark, colours, legend and axes.

A drawing holds its own style and no script, and follows the reader's light or dark scheme.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from html import escape

__all__ = [
    "PALETTE",
    "SHADES",
    "drawing",
    "legend",
    "legend_lines",
    "legend_rows",
    "line",
    "mark",
    "rect",
    "round_step",
    "text",
    "text_width",
    "x_grid",
    "y_grid",
]

# Okabe and Ito's colours, which people with any kind of colour vision tell apart.
_BLUE, _SKY, _GREEN, _VERMILION = "#0072b2", "#56b4e9", "#009e73", "#d55e00"
_ORANGE, _PURPLE, _GREY = "#e69f00", "#cc79a7", "#8a8a8a"

PALETTE = (_BLUE, _VERMILION, _GREEN, _PURPLE, _ORANGE, _SKY)
"""Colours for series without a meaning of their own, the most distinct first."""

SHADES = {
    "blue": _BLUE,
    "light blue": _SKY,
    "green": _GREEN,
    "vermilion": _VERMILION,
    "light vermilion": "#f0a37a",
    "orange": _ORANGE,
    "dark orange": "#b07900",
    "purple": _PURPLE,
    "grey": _GREY,
}
"""The same colours and some of their shades by name, for things that have one of their own."""

_CHARACTER = 6.4  # px, of 11 px text

_STYLE = """
.r50 { font: 11px system-ui, sans-serif; fill: #333; background: #fff }
.r50 .ground { fill: #fff }
.r50 .title { font-size: 15px; font-weight: 600; fill: #111 }
.r50 .faint { fill: #777 }
.r50 .strong { font-weight: 600 }
.r50 .inverse { fill: #fff }
.r50 .grid { stroke: #e4e4e4 }
.r50 .axis { stroke: #888 }
.r50 .label { paint-order: stroke; stroke: #fff; stroke-width: 3px; stroke-linejoin: round }
.r50 .pale { fill: #4a4f57; opacity: .1 }
.r50 .readout { visibility: hidden; font-weight: 600 }
.r50 .mark:hover .readout, .r50 .mark:focus .readout { visibility: visible }
.r50 .mark:focus { outline: 2px solid #888 }
.r50 .dark { fill: #4a4f57 } .r50 .middle { fill: #4a4f57; opacity: .38 }
.r50 .light { fill: #4a4f57; opacity: .15 }
@media screen and (prefers-color-scheme: dark) {
  .r50 { fill: #c9c9c9; background: #16181b }
  .r50 .ground, .r50 .inverse { fill: #16181b }
  .r50 .title { fill: #f0f0f0 }
  .r50 .faint { fill: #8b8b8b }
  .r50 .grid { stroke: #2b2f34 }
  .r50 .label { stroke: #16181b }
  .r50 .dark, .r50 .middle, .r50 .light, .r50 .pale { fill: #9aa3ad }
}
"""


def drawing(title: str, width: int, height: int, parts: Iterable[str], *, left: int = 16) -> str:
    """Returns one ``<svg>`` element of ``width`` × ``height`` px: ``parts`` below their title."""
    name = escape(title)
    frame = f'viewBox="0 0 {width} {height}" role="group" aria-label="{name}"'
    return "\n".join(
        [
            f'<svg class="r50" xmlns="http://www.w3.org/2000/svg" {frame}>',
            f"<style>{_STYLE}</style>",
            f'<rect class="ground" width="{width}" height="{height}"/>',
            text(left, 26, title, style="title"),
            *parts,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, words: str, *, style: str = "", anchor: str = "start") -> str:
    """Returns words whose baseline is at y; ``anchor`` says what of them is at x."""
    named = f' class="{style}"' if style else ""
    anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text{named} x="{x:.1f}" y="{y:.1f}"{anchored}>{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, style: str = "axis") -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def rect(
    x: float, y: float, width: float, height: float, *, style: str = "", fill: str = ""
) -> str:
    """Returns a rectangle, coloured by a class of the style or by ``fill``."""
    named = f' class="{style}"' if style else ""
    filled = f' fill="{fill}"' if fill else ""
    size = f'width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect{named} x="{x:.1f}" y="{y:.1f}" {size}{filled}/>'


def mark(
    words: str, shapes: Iterable[str], readout: tuple[float, float], *, by_keyboard: bool = True
) -> str:
    """Returns shapes that say ``words``: to a pointer over them, and to a screen reader.

    The words end at ``readout``, in px, which all marks of a picture may share; ``by_keyboard``
    lets the tabulator reach the mark, which dense marks should not ask of anybody.
    """
    told = escape(words)
    reached = f' tabindex="0" role="img" aria-label="{told}"' if by_keyboard else ""
    return (
        f'<g class="mark"{reached}><title>{escape(words)}</title>{"".join(shapes)}'
        f"{text(*readout, words, style='readout', anchor='end')}</g>"
    )


def text_width(words: str) -> float:
    """Returns about how many px words take."""
    return _CHARACTER * len(words)


def legend(colors: Iterable[tuple[str, str]], x: float, y: float) -> Iterator[str]:
    """Yields a line of names, each behind its colour, from (x, y) on."""
    for name, color in colors:
        yield f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10" rx="2" fill="{color}"/>'
        yield text(x + 15, y, name)
        x += _legend_width(name)


def legend_rows(colors: Iterable[tuple[str, str]], width: float) -> list[list[tuple[str, str]]]:
    """Returns the entries of a legend in as many lines as ``width`` px ask for."""
    rows: list[list[tuple[str, str]]] = []
    left = 0.0
    for name, color in colors:
        taken = _legend_width(name)
        if taken > left:
            rows.append([])
            left = width
        rows[-1].append((name, color))
        left -= taken
    return rows


def legend_lines(
    rows: Iterable[Iterable[tuple[str, str]]], x: float, y: float, apart: float
) -> Iterator[str]:
    """Yields the lines of :func:`legend_rows` from (x, y) on, each ``apart`` px below the last."""
    for number, row in enumerate(rows):
        yield from legend(row, x, y + apart * number)


def _legend_width(name: str) -> float:
    return 32 + text_width(name)


def round_step(longest: float, most: int) -> float:
    """Returns the least step of 1, 2 or 5 times a power of ten that ``longest`` has at most
    ``most`` of.
    """
    least = longest / most
    power = 10.0 ** math.floor(math.log10(least))
    return next(size * power for size in (1, 2, 5, 10) if size * power >= least)


def x_grid(
    ticks: Iterable[tuple[float, str]], top: float, bottom: float, *, style: str = ""
) -> Iterator[str]:
    """Yields vertical lines at the px of ``ticks``, each with its words below."""
    for x, words in ticks:
        yield f'<line class="grid" x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}"/>'
        yield text(x, bottom + 17, words, style=style, anchor="middle")


def y_grid(ticks: Iterable[tuple[float, str]], left: float, right: float) -> Iterator[str]:
    """Yields horizontal lines at the px of ``ticks``, each with its words to the left."""
    for y, words in ticks:
        yield f'<line class="grid" x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}"/>'
        yield text(left - 8, y + 4, words, anchor="end")
