"""Latency as an empirical distribution: which share of the batches took at most so long."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from r50bench.report.records_page.shown import Shown
from r50bench.report.svg import (
    PALETTE,
    drawing,
    legend_lines,
    legend_rows,
    line,
    mark,
    text,
    x_grid,
    y_grid,
)
from r50bench.results.stats import Floats, supports_percentile
from r50bench.wording import figure, fixed

__all__ = ["latency_ecdf_svg"]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 380, 56, 24, 84, 56
_POINTS = 200
_MARKED = (50, 90, 99)


@dataclass(frozen=True)
class _Axis:
    """A logarithmic x axis over latencies in ms, and a linear one over shares 0 to 1."""

    low: float
    high: float

    def x(self, ms: float) -> float:
        share = math.log(ms / self.low) / math.log(self.high / self.low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, share: float) -> float:
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def ticks(self) -> list[float]:
        """Returns some round latencies: a 1-2-5 ladder, or finer steps where it has too few."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for digits in ((1, 2, 5), range(1, 10), [digit / 5 for digit in range(5, 50)]):
            ticks = [digit * 10.0**power for power in powers for digit in digits]
            inside = [tick for tick in ticks if self.low <= tick <= self.high]
            if len(inside) >= 3:
                return inside[:: math.ceil(len(inside) / 9)]
        return [self.low, self.high]


def latency_ecdf_svg(shown: Sequence[Shown]) -> str:
    """Returns a curve for each record; all have samples, and there is at least one."""
    series = {one.label: np.sort(_latency_ms(one)) for one in shown}
    axis = _Axis(
        min(float(values[0]) for values in series.values()) / 1.05,
        max(float(values[-1]) for values in series.values()) * 1.05,
    )
    colors = {name: PALETTE[at % len(PALETTE)] for at, name in enumerate(series)}
    rows = legend_rows(colors.items(), _WIDTH - _LEFT - _RIGHT)
    shift = 16 * (len(rows) - 1)
    parts = [
        *legend_lines(rows, _LEFT, 46, 16),
        f'<g transform="translate(0 {shift})">',
        *_axes(axis),
        *(part for name, values in series.items() for part in _curve(values, colors[name], axis)),
        *(part for name, values in series.items() for part in _marks(name, values, colors, axis)),
        "</g>",
    ]
    return drawing("Share of the batches that took at most so long", _WIDTH, _HEIGHT + shift, parts)


def _latency_ms(one: Shown) -> Floats:
    assert one.samples is not None
    return np.maximum(one.samples.latency_ns.astype(np.float64), 1.0) * 1e-6


def _axes(axis: _Axis) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    yield from x_grid(((axis.x(tick), figure(tick)) for tick in axis.ticks()), _TOP, bottom)
    shares = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
    yield from y_grid(((axis.y(share), f"{share:.0%}") for share in shares), _LEFT, right)
    yield line(_LEFT, bottom, right, bottom)
    yield text((_LEFT + right) / 2, _HEIGHT - 16, "latency of a batch, ms", anchor="middle")


def _curve(ordered: Floats, color: str, axis: _Axis) -> Iterator[str]:
    """Yields the staircase, thinned to so many steps that no eye misses one."""
    ranks = np.unique(np.linspace(0, len(ordered) - 1, _POINTS).round().astype(int))
    path = f"M{axis.x(float(ordered[0])):.1f} {axis.y(0):.1f}"
    for rank in ranks:
        path += f"V{axis.y((rank + 1) / len(ordered)):.1f}"
        following = ordered[min(rank + 1, len(ordered) - 1)]
        path += f"H{axis.x(float(following)):.1f}"
    yield f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.8"/>'


def _marks(name: str, ordered: Floats, colors: dict[str, str], axis: _Axis) -> Iterator[str]:
    """Yields a point at each percentile that the number of batches supports."""
    for percent in _MARKED:
        if not supports_percentile(len(ordered), percent):
            continue
        value = float(ordered[math.ceil(percent / 100 * len(ordered)) - 1])
        x, y = axis.x(value), axis.y(percent / 100)
        point = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colors[name]}"/>'
        words = f"{name}: p{percent} {fixed(value, 4)} ms of {len(ordered)} batches"
        yield mark(words, [point], (_WIDTH - 16, _TOP - 8))
