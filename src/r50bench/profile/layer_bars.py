"""A profile as a picture: one bar for the batch, one for each layer, as SVG.

Every bar is named in a tooltip.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from r50bench.profile.kinds import KIND_COLORS
from r50bench.profile.roofline import LayerTime
from r50bench.profile.run import Profile
from r50bench.report.svg import (
    drawing,
    legend_lines,
    legend_rows,
    round_step,
    text,
    text_width,
    x_grid,
)
from r50bench.wording import counted

__all__ = ["layer_bars_svg"]

_WIDTH, _LEFT, _RIGHT = 920, 168, 150
_TOP, _ROW, _BAR = 166, 15, 11
_BATCH_Y, _BATCH_BAR = 74, 24
_LEGEND_Y, _LEGEND_ROW = 136, 16


def layer_bars_svg(profile: Profile) -> str:
    """Returns the picture as one ``<svg>`` element."""
    layers = profile.breakdown.layers
    height = _TOP + _ROW * len(layers) + 34
    title = f"{profile.case.name}, batch {profile.case.batch_size}: where the time goes"
    parts = [
        text(16, 44, _subtitle(profile), style="faint"),
        *_batch(profile),
        *_legend(layers),
        *_grid(layers, height),
        *(part for at, layer in enumerate(layers) for part in _bar(layer, at, _scale(layers))),
    ]
    return drawing(title, _WIDTH, height, parts)


def _subtitle(profile: Profile) -> str:
    case, roof = profile.case, profile.roof
    parts = (
        f"ResNet-50 {profile.model.graph}",
        f"{case.instances} × {counted(case.cores_per_instance, 'core')}",
        f"limit of an instance {roof.gop_per_s:.0f} GOP/s ({profile.limit.instruction})",
        f"efficiency {100 * profile.efficiency:.1f} %",
    )
    return " · ".join(parts)


def _batch(profile: Profile) -> Iterator[str]:
    """Yields the bar of the whole batch: what it needs, loses in kernels, and spends outside."""
    parts = profile.breakdown
    lost = parts.kernels_ms - parts.least_ms
    pieces = [
        ("dark", "least time at the limit", parts.least_ms),
        ("middle", "lost in kernels", lost),
        ("light", "outside of kernels", parts.outside_ms),
    ]
    whole = sum(max(ms, 0) for _, _, ms in pieces)
    x, full = 16.0, _WIDTH - 32
    # At most two are too narrow for their words, which then meet neither the bar nor each other.
    beside = iter((_BATCH_Y + 38, _BATCH_Y - 6, _BATCH_Y + 38))
    for style, name, ms in pieces:
        width = max(ms, 0) / whole * full
        share = 100 * ms / parts.batch_ms
        words = f"{name}: {ms:.2f} ms, {share:.1f} %"
        yield (
            f'<g><title>{escape(words)}</title><rect class="{style}" x="{x:.1f}" y="{_BATCH_Y}"'
            f' width="{width:.1f}" height="{_BATCH_BAR}"/></g>'
        )
        fits = width > text_width(words)
        in_frame = x + width > 16 + text_width(words)
        anchor, at = ("end", x + width) if in_frame and not fits else ("start", x + 8 * fits)
        y = _BATCH_Y + 16 if fits else next(beside)
        color = "strong inverse" if fits and style == "dark" else "strong"
        yield text(at, y, words, style=color, anchor=anchor)
        x += width


def _legend(layers: tuple[LayerTime, ...]) -> Iterator[str]:
    present = dict.fromkeys(layer.group for layer in layers)
    named = ((name, color) for name, color in KIND_COLORS.items() if name in present)
    rows = legend_rows(named, _WIDTH - _LEFT)
    yield from legend_lines(rows, _LEFT, _LEGEND_Y, _LEGEND_ROW)


def _scale(layers: tuple[LayerTime, ...]) -> float:
    """Returns the pixels of a millisecond."""
    return (_WIDTH - _LEFT - _RIGHT) / max(max(layer.ms, layer.least_ms) for layer in layers)


def _grid(layers: tuple[LayerTime, ...], height: int) -> Iterator[str]:
    scale, bottom = _scale(layers), height - 28
    longest = (_WIDTH - _LEFT - _RIGHT) / scale
    step = round_step(longest, 6)
    ticks = [step * number for number in range(int(longest / step) + 1)]
    named = ((_LEFT + tick * scale, f"{tick:g} ms") for tick in ticks)
    yield from x_grid(named, _TOP - 4, bottom, style="faint")


def _bar(layer: LayerTime, at: int, scale: float) -> Iterator[str]:
    """Yields one layer: full colour for its least time, pale for what it takes beyond that."""
    y, color = _TOP + at * _ROW, KIND_COLORS[layer.group]
    least = min(layer.least_ms, layer.ms) * scale
    rest = max(layer.ms - layer.least_ms, 0) * scale
    gap = "" if layer.gap_ms is None else f"; then {layer.gap_ms:.3f} ms to the next kernel"
    tooltip = (
        f"{layer.name}, {layer.group}: {layer.ms:.3f} ms, at the limit {layer.least_ms:.3f} ms"
        f" ({layer.bound}), {layer.gop / layer.ms * 1e3:.0f} GOP/s{gap}; {layer.kernel}"
    )
    base = y + _BAR - 1
    yield f"<g><title>{escape(tooltip)}</title>"
    yield text(_LEFT - 8, base, layer.name, anchor="end")
    yield f'<rect x="{_LEFT}" y="{y}" width="{least:.1f}" height="{_BAR}" fill="{color}"/>'
    yield (
        f'<rect x="{_LEFT + least:.1f}" y="{y}" width="{rest:.1f}" height="{_BAR}"'
        f' fill="{color}" opacity=".33"/>'
    )
    end = _LEFT + max(layer.ms, layer.least_ms) * scale
    yield text(end + 6, base, f"{layer.ms:.2f} ms · {100 * layer.share:.0f} %") + "</g>"
