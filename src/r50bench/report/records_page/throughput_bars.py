"""Throughput as bars with their intervals, each before what the measured peak would allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from r50bench.report.records_page.shown import Shown
from r50bench.report.svg import (
    PALETTE,
    drawing,
    legend,
    line,
    mark,
    rect,
    round_step,
    text,
    text_width,
    x_grid,
)
from r50bench.results.kpi import EFFICIENCY, THROUGHPUT
from r50bench.wording import figure, with_interval

__all__ = ["throughput_bars_svg"]

_WIDTH, _TOP, _ROW, _BAR, _FOOT = 760, 66, 22, 14, 46
_VALUE = 190  # px for the figure behind a bar


@dataclass(frozen=True)
class _Bar:
    """``ceiling`` is the throughput at the whole measured peak, None where that is unknown."""

    label: str
    engine: str
    value: float
    low: float | None
    high: float | None
    ceiling: float | None
    words: str


def throughput_bars_svg(shown: Sequence[Shown]) -> str:
    """Returns a bar for each record, all of which have a throughput; there is at least one."""
    bars = [_bar(one) for one in shown]
    left = 24 + max(text_width(bar.label) for bar in bars)
    longest = max(max(bar.ceiling or 0, bar.high or bar.value) for bar in bars)
    scale = (_WIDTH - left - _VALUE) / longest
    bottom = _TOP + _ROW * len(bars)
    has_ceiling = any(bar.ceiling for bar in bars)
    pale = "; pale: what the measured peak would allow" if has_ceiling else ""
    engines = dict.fromkeys(bar.engine for bar in bars)
    colors = {name: PALETTE[at % len(PALETTE)] for at, name in enumerate(engines)}
    step = round_step(longest, 6)
    ticks = ((left + step * at * scale, figure(step * at)) for at in range(int(longest / step) + 1))
    parts = [
        *legend(colors.items(), left, 46),
        *x_grid(ticks, _TOP - 4, bottom, style="faint"),
        *(part for at, bar in enumerate(bars) for part in _row(bar, at, left, scale, colors)),
        text(left, bottom + 36, f"img/s{pale}", style="faint"),
    ]
    return drawing(
        "Images per second, with 95 % intervals of one process each", _WIDTH, bottom + _FOOT, parts
    )


def _bar(one: Shown) -> _Bar:
    kpi, share = one.figures[THROUGHPUT], one.figures.get(EFFICIENCY)
    words = f"{with_interval(kpi.value, kpi.half_width)} img/s"
    if share is not None:
        words += f" · {share.value:.0f} %"
    return _Bar(
        label=one.label,
        engine=one.record.case.engine,
        value=kpi.value,
        low=kpi.low,
        high=kpi.high,
        ceiling=None if share is None or share.value <= 0 else kpi.value / share.value * 100,
        words=words,
    )


def _row(bar: _Bar, at: int, left: float, scale: float, colors: dict[str, str]) -> Iterator[str]:
    y = _TOP + at * _ROW
    middle, base = y + _BAR / 2, y + _BAR - 3
    shapes = [
        rect(left, y, (bar.ceiling or 0) * scale, _BAR, style="pale"),
        rect(left, y, bar.value * scale, _BAR, fill=colors[bar.engine]),
    ]
    if bar.low is not None and bar.high is not None:
        low, high = left + bar.low * scale, left + bar.high * scale
        shapes.append(line(low, middle, high, middle))
        shapes += [line(x, middle - 4, x, middle + 4) for x in (low, high)]
    ceiling = "" if bar.ceiling is None else f"; the peak would allow {bar.ceiling:.0f} img/s"
    yield text(left - 8, base, bar.label, anchor="end")
    yield mark(f"{bar.label}: {bar.words}{ceiling}", shapes, (_WIDTH - 16, _TOP - 36))
    end = left + max(bar.ceiling or 0, bar.high or bar.value) * scale
    yield text(min(end, _WIDTH - _VALUE) + 6, base, bar.words)
