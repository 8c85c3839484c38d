"""A profile as a picture: one bar for the batch, one for each layer, as SVG.

The drawing holds its own style and no script, follows the reader's light or dark scheme, and names
every bar in a tooltip.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from r50bench.profile.roofline import LayerTime
from r50bench.profile.run import Profile

__all__ = ["layer_bars_svg"]

_WIDTH, _LEFT, _RIGHT = 920, 168, 150
_TOP, _ROW, _BAR = 150, 15, 11
_BATCH_Y, _BATCH_BAR = 74, 24

# Okabe and Ito's colours, which people with any kind of colour vision tell apart.
_COLORS = {
    "3×3": "#0072b2",
    "3×3, stride 2": "#56b4e9",
    "1×1 reduce": "#009e73",
    "1×1 expand": "#f0a37a",
    "1×1 expand + add": "#d55e00",
    "1×1 shortcut": "#e69f00",
    "1×1 shortcut + add": "#b07900",
    "stem 7×7": "#cc79a7",
    "classifier": "#8a8a8a",
}

_STYLE = """
.r50 { font: 11px system-ui, sans-serif; fill: #333; background: #fff }
.r50 .ground { fill: #fff }
.r50 .title { font-size: 15px; font-weight: 600; fill: #111 }
.r50 .faint { fill: #777 }
.r50 .grid { stroke: #e4e4e4 }
.r50 .least { fill: #4a4f57 } .r50 .lost { fill: #4a4f57; opacity: .38 }
.r50 .outside { fill: #4a4f57; opacity: .15 }
.r50 .inside { font-weight: 600 } .r50 .white { fill: #fff }
@media (prefers-color-scheme: dark) {
  .r50 { fill: #c9c9c9; background: #16181b }
  .r50 .ground { fill: #16181b }
  .r50 .title { fill: #f0f0f0 }
  .r50 .faint { fill: #8b8b8b }
  .r50 .grid { stroke: #2b2f34 }
  .r50 .least, .r50 .lost, .r50 .outside { fill: #9aa3ad }
  .r50 .white { fill: #16181b }
}
"""


def layer_bars_svg(profile: Profile) -> str:
    """Returns the picture as one ``<svg>`` element."""
    layers = profile.breakdown.layers
    height = _TOP + _ROW * len(layers) + 34
    title = f"{profile.case.name}, batch {profile.case.batch_size}: where the time goes"
    size, name = f'viewBox="0 0 {_WIDTH} {height}"', f'role="img" aria-label="{escape(title)}"'
    parts = [
        f'<svg class="r50" xmlns="http://www.w3.org/2000/svg" {size} {name}>',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
        f'<text class="title" x="16" y="26">{escape(title)}</text>',
        f'<text class="faint" x="16" y="44">{escape(_subtitle(profile))}</text>',
        *_batch(profile),
        *_legend(layers),
        *_grid(layers, height),
        *(part for at, layer in enumerate(layers) for part in _bar(layer, at, _scale(layers))),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _subtitle(profile: Profile) -> str:
    case, roof = profile.case, profile.roof
    parts = (
        f"ResNet-50 {profile.model.graph}",
        f"{case.instances} × {case.cores_per_instance} cores",
        f"limit of an instance {roof.gop_per_s:.0f} GOP/s ({profile.limit.instruction})",
        f"efficiency {100 * profile.efficiency:.1f} %",
    )
    return " · ".join(parts)


def _batch(profile: Profile) -> Iterator[str]:
    """Yields the bar of the whole batch: what it needs, loses in kernels, and spends outside."""
    parts = profile.breakdown
    lost = parts.kernels_ms - parts.least_ms
    pieces = [
        ("least", "least time at the limit", parts.least_ms),
        ("lost", "lost in kernels", lost),
        ("outside", "outside of kernels", parts.outside_ms),
    ]
    whole = sum(max(ms, 0) for _, _, ms in pieces)
    x, full = 16.0, _WIDTH - 32
    for style, name, ms in pieces:
        width = max(ms, 0) / whole * full
        share = 100 * ms / parts.batch_ms
        text = f"{name}: {ms:.2f} ms, {share:.1f} %"
        yield (
            f'<g><title>{escape(text)}</title><rect class="{style}" x="{x:.1f}" y="{_BATCH_Y}"'
            f' width="{width:.1f}" height="{_BATCH_BAR}"/></g>'
        )
        fits = width > 6.2 * len(text)
        anchor, at = ("start", x + 8) if fits else ("end", x + width)
        y = _BATCH_Y + 16 if fits else _BATCH_Y - 6 if style == "outside" else _BATCH_Y + 38
        color = " white" if fits and style == "least" else ""
        yield (
            f'<text class="inside{color}" x="{at:.1f}" y="{y}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )
        x += width


def _legend(layers: tuple[LayerTime, ...]) -> Iterator[str]:
    x, y = float(_LEFT), _TOP - 14
    present = dict.fromkeys(layer.group for layer in layers)
    for name in (name for name in _COLORS if name in present):
        yield (
            f'<rect x="{x:.1f}" y="{y - 9}" width="10" height="10" fill="{_COLORS[name]}"/>'
            f'<text x="{x + 15:.1f}" y="{y}">{escape(name)}</text>'
        )
        x += 32 + 6.2 * len(name)


def _scale(layers: tuple[LayerTime, ...]) -> float:
    """Returns the pixels of a millisecond."""
    return (_WIDTH - _LEFT - _RIGHT) / max(max(layer.ms, layer.least_ms) for layer in layers)


def _grid(layers: tuple[LayerTime, ...], height: int) -> Iterator[str]:
    scale, bottom = _scale(layers), height - 28
    longest = (_WIDTH - _LEFT - _RIGHT) / scale
    step = next(
        size * 10.0**power
        for power in range(-4, 6)
        for size in (1, 2, 5)
        if longest / (size * 10.0**power) <= 6
    )
    for number in range(int(longest / step) + 1):
        x = _LEFT + number * step * scale
        yield f'<line class="grid" x1="{x:.1f}" y1="{_TOP - 4}" x2="{x:.1f}" y2="{bottom}"/>'
        yield (
            f'<text class="faint" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">'
            f"{number * step:g} ms</text>"
        )


def _bar(layer: LayerTime, at: int, scale: float) -> Iterator[str]:
    """Yields one layer: full colour for its least time, pale for what it takes beyond that."""
    y, color = _TOP + at * _ROW, _COLORS[layer.group]
    least = min(layer.least_ms, layer.ms) * scale
    rest = max(layer.ms - layer.least_ms, 0) * scale
    gap = "" if layer.gap_ms is None else f"; then {layer.gap_ms:.3f} ms to the next kernel"
    tooltip = (
        f"{layer.name}, {layer.group}: {layer.ms:.3f} ms, at the limit {layer.least_ms:.3f} ms"
        f" ({layer.bound}), {layer.gop / layer.ms * 1e3:.0f} GOP/s{gap}; {layer.kernel}"
    )
    base = y + _BAR - 1
    yield f"<g><title>{escape(tooltip)}</title>"
    yield f'<text x="{_LEFT - 8}" y="{base}" text-anchor="end">{escape(layer.name)}</text>'
    yield f'<rect x="{_LEFT}" y="{y}" width="{least:.1f}" height="{_BAR}" fill="{color}"/>'
    yield (
        f'<rect x="{_LEFT + least:.1f}" y="{y}" width="{rest:.1f}" height="{_BAR}"'
        f' fill="{color}" opacity=".33"/>'
    )
    yield (
        f'<text x="{_LEFT + max(layer.ms, layer.least_ms) * scale + 6:.1f}" y="{base}">'
        f"{layer.ms:.2f} ms · {100 * layer.share:.0f} %</text></g>"
    )
