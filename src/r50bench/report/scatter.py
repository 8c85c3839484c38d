"""A scatter plot as SVG: points of several series, and for each the front that none of them beats.

Every point says its name and figures to a pointer, the tabulator and a screen reader.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from r50bench.report.svg import (
    PALETTE,
    drawing,
    legend,
    mark,
    round_step,
    text,
    text_width,
    x_grid,
    y_grid,
)
from r50bench.wording import figure

__all__ = ["Mark", "Scatter", "scatter_svg"]

_WIDTH, _HEIGHT = 920, 540
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 24, 58, 62
_LINE = 14


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
    colors = {name: PALETTE[at % len(PALETTE)] for at, name in enumerate(series)}
    parts = [
        text(_WIDTH - _RIGHT, 46, plot.key, anchor="end"),
        *legend(colors.items(), _LEFT, 46),
        *_axes(plot, frame),
        *_fronts(plot, frame, colors),
        *_points(plot, frame, colors),
        *_labels(plot, frame),
    ]
    return drawing(plot.title, _WIDTH, _HEIGHT, parts, left=_LEFT)


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
        """Returns up to eight round steps from 0."""
        step = round_step(self.y_high, 8)
        return [step * number for number in range(int(self.y_high / step) + 1)]


def _axes(plot: Scatter, frame: _Frame) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    yield from x_grid(((frame.x(tick), figure(tick)) for tick in frame.x_ticks()), _TOP, bottom)
    yield from y_grid(((frame.y(tick), figure(tick)) for tick in frame.y_ticks()), _LEFT, right)
    yield f'<line class="axis" x1="{_LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}"/>'
    yield text((_LEFT + right) / 2, _HEIGHT - 18, plot.x_title, anchor="middle")
    middle = (_TOP + bottom) / 2
    yield (
        f'<text transform="translate(18 {middle:.1f}) rotate(-90)" text-anchor="middle">'
        f"{escape(plot.y_title)}</text>"
    )


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
        for point in ahead[1:]:
            path += f"H{frame.x(point.x):.1f}V{frame.y(point.y):.1f}"
        yield (
            f'<path d="{path}H{_WIDTH - _RIGHT}" fill="none" stroke="{color}" stroke-width="1.6"'
            ' opacity=".6"/>'
        )


def _points(plot: Scatter, frame: _Frame, colors: dict[str, str]) -> Iterator[str]:
    for point in sorted(plot.marks, key=lambda point: point.ahead):
        x, y, color = frame.x(point.x), frame.y(point.y), colors[point.series]
        shapes = []
        if point.y_low is not None and point.y_high is not None:
            low, high = frame.y(point.y_low), frame.y(point.y_high)
            shapes.append(
                f'<line x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}"'
                f' stroke="{color}" opacity=".55"/>'
            )
        style = f'r="5" fill="{color}"'
        if not point.ahead:
            style = f'r="4" fill="{color}" fill-opacity=".18" stroke="{color}"'
        shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" {style}/>')
        yield mark(point.tooltip, shapes, (_WIDTH - _RIGHT, 26))


def _labels(plot: Scatter, frame: _Frame) -> Iterator[str]:
    """Yields the labels of the fronts, then of the others, where they cover nothing."""
    taken = [
        (frame.x(mark.x) - 5, frame.y(mark.y) - 5, frame.x(mark.x) + 5, frame.y(mark.y) + 5)
        for mark in plot.marks
    ]
    for point in sorted(plot.marks, key=lambda point: not point.ahead):
        place = _free_place(frame.x(point.x), frame.y(point.y), point, taken)
        if place is not None:
            taken.append(place)
            style = "label" if point.ahead else "label faint"
            yield text(place[0], place[3] - 3, point.label, style=style)


_Box = tuple[float, float, float, float]


def _free_place(x: float, y: float, mark: Mark, taken: Sequence[_Box]) -> _Box | None:
    """Returns a place beside (x, y): above for a mark on the front, below for one beneath it."""
    width = text_width(mark.label)
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
