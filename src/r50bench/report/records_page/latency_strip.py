"""Latency over the measured time, a strip for each record: drift, spells, who was disturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from r50bench.report.records_page.shown import Shown
from r50bench.report.svg import PALETTE, SHADES, drawing, line, mark, rect, text, y_grid
from r50bench.results.record import Record
from r50bench.results.samples import Integers, Samples
from r50bench.results.stats import Floats
from r50bench.results.undisturbed import states_of
from r50bench.wording import counted, fixed

__all__ = ["latency_strip_svg"]

_WIDTH, _LEFT, _RIGHT, _TOP, _STRIP, _GAP, _FOOT = 760, 64, 16, 58, 84, 34, 20
_COLUMNS = 220
_BEYOND = 1.08  # the axis ends a little above the slowest batch


def latency_strip_svg(shown: Sequence[Shown]) -> str:
    """Returns one strip below the other; all records have samples, and there is at least one.

    The time between rounds, in which others had their turn, is left out; a line marks each round.
    """
    height = _TOP + len(shown) * (_STRIP + _GAP) + _FOOT
    parts = [
        part
        for at, one in enumerate(shown)
        if one.samples is not None
        for part in _strip(one, one.samples, _TOP + at * (_STRIP + _GAP))
    ]
    return drawing("How long each batch took, over the measured time", _WIDTH, height, parts)


@dataclass(frozen=True)
class _Series:
    """The batches of all instances: when each began in measured time, how long it took, in s, ms.

    ``slow`` are those whose cores were not at full speed, as far as a canary looked. ``rounds`` are
    the times at which rounds begin, ``length`` is the measured time in all.
    """

    start_s: Floats
    latency_ms: Floats
    instance: Integers
    slow: npt.NDArray[np.bool_]
    rounds: tuple[float, ...]
    length: float


def _series(record: Record, samples: Samples) -> _Series:
    states = states_of(record, samples)
    start = np.zeros(len(samples))
    begun, rounds = 0.0, []
    for number in samples.rounds:
        rows = samples.round == number
        first, last = np.min(samples.start_ns[rows]), np.max(samples.end_ns[rows])
        rounds.append(begun)
        start[rows] = begun + (samples.start_ns[rows] - first) * 1e-9
        begun += float(last - first) * 1e-9
    return _Series(
        start,
        samples.latency_ns.astype(np.float64) * 1e-6,
        samples.instance,
        np.zeros(len(samples), np.bool_) if states is None else states.looked & ~states.full_speed,
        tuple(rounds),
        begun,
    )


_Axes = tuple[Callable[[float], float], Callable[[float], float]]


def _strip(one: Shown, samples: Samples, top: float) -> Iterator[str]:
    series = _series(one.record, samples)
    highest = float(np.max(series.latency_ms)) * _BEYOND or 1.0
    right, bottom = _WIDTH - _RIGHT, top + _STRIP

    def x(seconds: float) -> float:
        return _LEFT + seconds / (series.length or 1.0) * (right - _LEFT)

    def y(ms: float) -> float:
        return bottom - ms / highest * _STRIP

    median = float(np.median(series.latency_ms))
    instances = counted(len(samples.instances), "instance")
    words = f"{one.label} · {len(samples)} batches of {instances}"
    yield text(_LEFT, top - 6, words)
    slowest = highest / _BEYOND
    yield from y_grid(((y(0), "0"), (y(slowest), fixed(slowest, 3))), _LEFT, right)
    yield from (line(x(begun), top, x(begun), bottom, style="grid") for begun in series.rounds)
    for number in samples.instances:
        color = PALETTE[int(number) % len(PALETTE)]
        chosen = series.instance == number
        yield from _columns(int(number), series, chosen, (x, y), color, top)
    yield from _slow_cores(series, x, bottom)
    yield line(_LEFT, y(median), right, y(median))
    yield text(_LEFT - 8, y(median) + 4, fixed(median, 3), style="strong", anchor="end")
    yield text(right, bottom + 13, f"{series.length:.2f} s measured", style="faint", anchor="end")


def _slow_cores(series: _Series, x: Callable[[float], float], bottom: float) -> Iterator[str]:
    """Yields a line below the strip for each part of the time in which cores were slow."""
    if not series.slow.any():
        return
    yield text(_LEFT, bottom + 13, "— cores not at full speed", style="faint")
    width = (series.length or 1.0) / _COLUMNS
    for at in np.unique((series.start_s[series.slow] / width).astype(np.int64)):
        yield rect(x(at * width), bottom + 1, x(width) - x(0), 3, fill=SHADES["grey"])


def _columns(
    instance: int,
    series: _Series,
    chosen: npt.NDArray[np.bool_],
    axes: _Axes,
    color: str,
    top: float,
) -> Iterator[str]:
    """Yields, for each part of the time, the span of the latencies of the batches begun in it."""
    x, y = axes
    width = (series.length or 1.0) / _COLUMNS
    part = np.minimum((series.start_s[chosen] / width).astype(np.int64), _COLUMNS - 1)
    latency = series.latency_ms[chosen]
    low, high = np.full(_COLUMNS, np.inf), np.zeros(_COLUMNS)
    np.minimum.at(low, part, latency)
    np.maximum.at(high, part, latency)
    for at in np.unique(part):
        middle = x((at + 0.5) * width)
        span = (
            f'<line x1="{middle:.1f}" y1="{y(low[at]) + 1:.1f}" x2="{middle:.1f}"'
            f' y2="{y(high[at]) - 1:.1f}" stroke="{color}" stroke-width="2.6" opacity=".75"/>'
        )
        spread = fixed(low[at], 4)
        if low[at] != high[at]:
            spread += f"–{fixed(high[at], 4)}"
        words = f"instance {instance} at {at * width:.2f} s: {spread} ms"
        yield mark(words, [span], (_WIDTH - _RIGHT, top - 6), by_keyboard=False)
