"""A profile as a roofline: how many operations a byte each layer does, and how fast.

Both axes are logarithmic. A layer's size is its share of the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from r50bench.profile.kinds import KIND_COLORS
from r50bench.profile.roofline import LayerTime, Roof
from r50bench.profile.run import Profile
from r50bench.report.svg import drawing, legend_lines, legend_rows, line, mark, text, x_grid, y_grid
from r50bench.wording import figure, fixed

__all__ = ["roofline_svg"]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 920, 460, 76, 24, 96, 56
_SMALLEST_PX, _GROWTH_PX = 3.0, 9.0


@dataclass(frozen=True)
class _Frame:
    """Logarithmic axes: operations a byte to the right, 1e9 operations a second upwards."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    @classmethod
    def around(cls, layers: Sequence[LayerTime], roof: Roof) -> _Frame:
        ridge = roof.gop_per_s / roof.gb_per_s
        intensity = [*map(_intensity, layers), ridge]
        speed = [*map(_speed, layers), roof.gop_per_s]
        return cls(min(intensity) / 1.6, max(intensity) * 1.6, min(speed) / 1.6, max(speed) * 1.8)

    def x(self, intensity: float) -> float:
        share = math.log(intensity / self.x_low) / math.log(self.x_high / self.x_low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, speed: float) -> float:
        share = math.log(speed / self.y_low) / math.log(self.y_high / self.y_low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def roofline_svg(profile: Profile) -> str:
    """Returns every layer below the roof of its instance, as one ``<svg>`` element."""
    layers, roof = profile.breakdown.layers, profile.roof
    frame = _Frame.around(layers, roof)
    longest = max(layer.ms for layer in layers)
    named = [(name, color) for name, color in KIND_COLORS.items() if _has(layers, name)]
    rows = legend_rows(named, _WIDTH - _LEFT - _RIGHT)
    parts = [
        *legend_lines(rows, _LEFT, 50, 18),
        *_axes(frame),
        *_roof(frame, roof, profile.limit.instruction),
        # Small ones last, so that none is hidden behind a large one.
        *(
            _layer(layer, longest, frame)
            for layer in sorted(layers, key=lambda layer: layer.ms, reverse=True)
        ),
    ]
    return drawing("Layers below the roof: what stays beneath it is lost", _WIDTH, _HEIGHT, parts)


def _has(layers: Sequence[LayerTime], kind: str) -> bool:
    return any(layer.group == kind for layer in layers)


def _intensity(layer: LayerTime) -> float:
    """Returns the operations of a layer for each byte that it reads or writes."""
    return layer.gop / layer.gb


def _speed(layer: LayerTime) -> float:
    """Returns 1e9 operations a second."""
    return 1e3 * layer.gop / layer.ms


def _axes(frame: _Frame) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    across = _round(frame.x_low, frame.x_high)
    yield from x_grid(((frame.x(tick), figure(tick)) for tick in across), _TOP, bottom)
    upwards = _round(frame.y_low, frame.y_high)
    yield from y_grid(((frame.y(tick), figure(tick)) for tick in upwards), _LEFT, right)
    yield line(_LEFT, bottom, right, bottom)
    yield text((_LEFT + right) / 2, _HEIGHT - 16, "operations a byte", anchor="middle")
    yield text(16, _TOP - 8, "GOP/s", style="faint")


def _round(low: float, high: float) -> list[float]:
    """Returns 1, 2 and 5 times powers of ten, or these powers alone where they are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 5), (1,)):
        ticks = [digit * 10.0**power for power in powers for digit in digits]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) <= 10:
            break
    return inside


def _roof(frame: _Frame, roof: Roof, instruction: str) -> Iterator[str]:
    ridge = roof.gop_per_s / roof.gb_per_s
    left = max(frame.x_low, frame.y_low / roof.gb_per_s)
    corners = (
        (left, left * roof.gb_per_s),
        (ridge, roof.gop_per_s),
        (frame.x_high, roof.gop_per_s),
    )
    path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in corners)
    yield f'<polyline class="roof" points="{path}" fill="none" stroke="#8a8a8a" stroke-width="2"/>'
    top = frame.y(roof.gop_per_s) - 8
    words = f"{fixed(roof.gop_per_s, 3)} GOP/s ({instruction})"
    yield text(_WIDTH - _RIGHT, top, words, style="strong", anchor="end")
    memory = f"{fixed(roof.gb_per_s, 3)} GB/s"
    middle = math.sqrt(left * ridge)
    at = frame.x(middle) - 8, frame.y(middle * roof.gb_per_s) - 8
    yield text(*at, memory, style="strong", anchor="end")


def _layer(layer: LayerTime, longest: float, frame: _Frame) -> str:
    radius = _SMALLEST_PX + _GROWTH_PX * math.sqrt(layer.ms / longest)
    x, y = frame.x(_intensity(layer)), frame.y(_speed(layer))
    color = KIND_COLORS[layer.group]
    shape = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{color}" fill-opacity=".7"'
        f' stroke="{color}"/>'
    )
    words = (
        f"{layer.name}, {layer.group}: {_speed(layer):.0f} GOP/s,"
        f" {_intensity(layer):.1f} operations a byte, {layer.ms:.3f} ms,"
        f" {100 * layer.share:.0f} % of the limit ({layer.bound})"
    )
    return mark(words, [shape], (_WIDTH - _RIGHT, 26), by_keyboard=False)
