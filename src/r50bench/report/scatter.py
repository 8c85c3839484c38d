"""A scatter plot as SVG: points of several series, and for each the front that none of them beats.

The drawing holds its own style and no script, follows the reader's light or dark scheme, and names
every point in a tooltip.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from r50bench.report.numbers import figure

__all__ = ["Mark", "Scatter", "scatter_svg"]

_WIDTH, _HEIGHT = 920, 540
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 24, 58, 62
_CHARACTER = 6.6  # of 11 px text, px
_LINE = 14

# Okabe and Ito's colours, which people with any kind of colour vision tell apart.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

_STYLE = """
.r50 { font: 11px system-ui, sans-serif; fill: #333; background: #fff }
.r50 .ground { fill: #fff }
.r50 .title { font-size: 15px; font-weight: 600; fill: #111 }
.r50 .grid { stroke: #e4e4e4 }
.r50 .axis { stroke: #888 }
.r50 .label { paint-order: stroke; stroke: #fff; stroke-width: 3px; stroke-linejoin: round }
.r50 .front { fill: none; stroke-width: 1.6 }
.r50 .bar { stroke-width: 1; opacity: .55 }
.r50 .faint { fill-opacity: .65 }
@media (prefers-color-scheme: dark) {
  .r50 { fill: #c9c9c9; background: #16181b }
  .r50 .ground { fill: #16181b }
  .r50 .title { fill: #f0f0f0 }
  .r50 .grid { stroke: #2b2f34 }
  .r50 .label { stroke: #16181b }
}
"""


@dataclass(frozen=True)
class Mark:
    """One point: ``label`` a few characters beside it, ``tooltip`` all that is known of it.

    ``y_low`` and ``y_high`` are the ends of its interval, None where there is none; ``ahead`` says
    that it is on the front of its series.
    """

    series: str
    x: float
    y: float
    label: str
    tooltip: str
    ahead: bool
    y_low: float | None = None
    y_high: float | None = None


@dataclass(frozen=True)
class Scatter:
    """A plot over a logarithmic x axis and a y axis from 0; all x are above 0, no y below.

    ``key`` says what the labels of the marks mean.
    """

    title: str
    key: str
    x_title: str
    y_title: str
    marks: tuple[Mark, ...]


def scatter_svg(plot: Scatter) -> str:
    """Returns the plot as one ``<svg>`` element; it has at least one mark."""
    frame = _Frame.around(plot.marks)
    series = dict.fromkeys(mark.series for mark in plot.marks)
    colors = {one: _COLORS[at % len(_COLORS)] for at, one in enumerate(series)}
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    name = f'role="img" aria-label="{_quoted(plot.title)}"'
    parts = [
        f'<svg class="r50" xmlns="http://www.w3.org/2000/svg" {size} {name}>',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text class="title" x="{_LEFT}" y="24">{escape(plot.title)}</text>',
        *_legend(colors, plot.key),
        *_axes(plot, frame),
        *_fronts(plot, frame, colors),
        *_points(plot, frame, colors),
        *_labels(plot, frame),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


@dataclass(frozen=True)
class _Frame:
    """Where figures lie on the paper."""

    x_low: float
    x_high: float
    y_high: float

    @classmethod
    def around(cls, marks: Sequence[Mark]) -> _Frame:
        low, high = min(mark.x for mark in marks), max(mark.x for mark in marks)
        top = max(max(mark.y, mark.y_high or 0) for mark in marks) or 1
        return cls(low / 1.35, high * 1.35, top * 1.12)

    def x(self, value: float) -> float:
        share = math.log(value / self.x_low) / math.log(self.x_high / self.x_low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - value / self.y_high * (_HEIGHT - _TOP - _BOTTOM)

    def x_ticks(self) -> list[float]:
        """Returns 1, 2 and 5 times powers of ten inside the frame."""
        powers = range(math.floor(math.log10(self.x_low)), math.ceil(math.log10(self.x_high)) + 1)
        ticks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
        return [tick for tick in ticks if self.x_low <= tick <= self.x_high]

    def y_ticks(self) -> list[float]:
        """Returns four to eight round steps from 0."""
        power = 10.0 ** math.floor(math.log10(self.y_high))
        step = next(
            size for size in (power / 5, power / 2, power, 2 * power) if self.y_high / size <= 8
        )
        return [step * number for number in range(int(self.y_high / step) + 1)]


def _axes(plot: Scatter, frame: _Frame) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for tick in frame.x_ticks():
        x = frame.x(tick)
        yield f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{figure(tick)}</text>'
    for tick in frame.y_ticks():
        y = frame.y(tick)
        yield f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{figure(tick)}</text>'
    yield f'<line class="axis" x1="{_LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}"/>'
    middle = (_LEFT + right) / 2
    yield (
        f'<text x="{middle:.1f}" y="{_HEIGHT - 18}" text-anchor="middle">'
        f"{escape(plot.x_title)}</text>"
    )
    middle = (_TOP + bottom) / 2
    yield (
        f'<text transform="translate(18 {middle:.1f}) rotate(-90)" text-anchor="middle">'
        f"{escape(plot.y_title)}</text>"
    )


def _legend(colors: dict[str, str], key: str) -> Iterator[str]:
    yield f'<text x="{_WIDTH - _RIGHT}" y="46" text-anchor="end">{escape(key)}</text>'
    x = float(_LEFT)
    for name, color in colors.items():
        yield f'<circle cx="{x + 5:.1f}" cy="42" r="4.5" fill="{color}"/>'
        yield f'<text x="{x + 14:.1f}" y="46">{escape(name)}</text>'
        x += 34 + _CHARACTER * len(name)


def _fronts(plot: Scatter, frame: _Frame, colors: dict[str, str]) -> Iterator[str]:
    """Yields a staircase through each front: what can be had within a latency."""
    for name, color in colors.items():
        ahead = sorted(
            (mark for mark in plot.marks if mark.series == name and mark.ahead),
            key=lambda mark: mark.x,
        )
        if not ahead:
            continue
        path = f"M{frame.x(ahead[0].x):.1f} {frame.y(ahead[0].y):.1f}"
        for mark in ahead[1:]:
            path += f"H{frame.x(mark.x):.1f}V{frame.y(mark.y):.1f}"
        yield f'<path class="front" d="{path}H{_WIDTH - _RIGHT}" stroke="{color}" opacity=".6"/>'


def _points(plot: Scatter, frame: _Frame, colors: dict[str, str]) -> Iterator[str]:
    for mark in sorted(plot.marks, key=lambda mark: mark.ahead):
        x, y, color = frame.x(mark.x), frame.y(mark.y), colors[mark.series]
        yield f"<g><title>{escape(mark.tooltip)}</title>"
        if mark.y_low is not None and mark.y_high is not None:
            low, high = frame.y(mark.y_low), frame.y(mark.y_high)
            yield (
                f'<line class="bar" x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}"'
                f' stroke="{color}"/>'
            )
        style = f'r="5" fill="{color}"'
        if not mark.ahead:
            style = f'r="4" fill="{color}" fill-opacity=".18" stroke="{color}"'
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" {style}/></g>'


def _labels(plot: Scatter, frame: _Frame) -> Iterator[str]:
    """Yields the labels of the fronts, then of the others, where they cover nothing."""
    taken = [
        (frame.x(mark.x) - 5, frame.y(mark.y) - 5, frame.x(mark.x) + 5, frame.y(mark.y) + 5)
        for mark in plot.marks
    ]
    for mark in sorted(plot.marks, key=lambda mark: not mark.ahead):
        place = _free_place(frame.x(mark.x), frame.y(mark.y), mark, taken)
        if place is not None:
            taken.append(place)
            style = "label" if mark.ahead else "label faint"
            yield (
                f'<text class="{style}" x="{place[0]:.1f}" y="{place[3] - 3:.1f}">'
                f"{escape(mark.label)}</text>"
            )


_Box = tuple[float, float, float, float]


def _free_place(x: float, y: float, mark: Mark, taken: Sequence[_Box]) -> _Box | None:
    """Returns a place beside (x, y): above for a mark on the front, below for one beneath it."""
    width = _CHARACTER * len(mark.label)
    places = [
        (x - width / 2, y - 8 - _LINE),
        (x + 8, y - _LINE / 2),
        (x - width - 8, y - _LINE / 2),
        (x - width / 2, y + 7),
    ]
    for left, top in places if mark.ahead else reversed(places):
        box = (left, top, left + width, top + _LINE)
        inside = left > _LEFT and box[2] < _WIDTH - _RIGHT and top > _TOP - 4
        if inside and not any(_overlap(box, other) for other in taken):
            return box
    return None


def _overlap(a: _Box, b: _Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})
