"""A comparison as a picture: each case's ratio with its interval, and every process behind it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from r50bench.comparison.compare import CaseComparison, Comparison
from r50bench.comparison.text import ratio_words, verdict_words
from r50bench.comparison.verdict import Verdict
from r50bench.report.svg import SHADES, drawing, line, mark, rect, round_step, text, x_grid
from r50bench.wording import fixed

__all__ = ["MOST_CASES", "ratio_plot_svg"]

MOST_CASES = 40
"""Cases in one picture: more tell nobody anything."""

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _FOOT = 760, 64, 24, 88, 78, 50
_FARTHEST = math.log(4)
_LEAST_TICK_PX = 52

_COLORS: dict[Verdict, str] = {
    "faster": SHADES["green"],
    "slower": SHADES["vermilion"],
    "same": SHADES["blue"],
    "too noisy": SHADES["grey"],
}


@dataclass(frozen=True)
class _Axis:
    """A logarithmic axis over ratios from ``low`` to ``high``, both as logarithms."""

    low: float
    high: float

    @classmethod
    def over(cls, comparison: Comparison, cases: Sequence[CaseComparison]) -> _Axis:
        """Returns the axis that shows all processes; intervals may be cut where they are huge."""
        near = [math.log1p(-1.5 * min(comparison.tolerance, 0.5))]
        near.append(math.log1p(1.5 * comparison.tolerance))
        for case in cases:
            near += [_log(case.ratio.value), *map(_log, _relative(case, 0) + _relative(case, 1))]
        reach = 2 * max(map(abs, near))
        ends = [
            min(max(_log(end), -reach), reach)
            for case in cases
            for end in (case.ratio.low, case.ratio.high)
            if end is not None
        ]
        low, high = min([*near, *ends]), max([*near, *ends])
        return cls(low - 0.04 * (high - low), high + 0.04 * (high - low))

    def x(self, ratio: float) -> float:
        log = min(max(_log(ratio), self.low), self.high)
        return _LEFT + (log - self.low) / (self.high - self.low) * (_WIDTH - _LEFT - _RIGHT)

    def cuts(self, ratio: float) -> bool:
        return not self.low <= _log(ratio) <= self.high

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Yields the px of round differences from 1, as far as their words have room."""
        low, high = math.exp(self.low), math.exp(self.high)
        step = round_step(high - low, 10)
        last = -math.inf
        for number in range(math.ceil((low - 1) / step), math.floor((high - 1) / step) + 1):
            x = self.x(1 + number * step)
            if x - last >= _LEAST_TICK_PX:
                last = x
                yield x, _percent(number * step)


def ratio_plot_svg(comparison: Comparison) -> str:
    """Returns a row for each of the first 40 cases; there is at least one."""
    cases = comparison.cases[:MOST_CASES]
    axis = _Axis.over(comparison, cases)
    bottom = _TOP + _ROW * len(cases)
    low, high = axis.x(1 - comparison.tolerance), axis.x(1 + comparison.tolerance)
    parts = [
        text(16, 48, _KEY, style="faint"),
        text(
            16,
            64,
            f"Shaded: what counts as the same, ±{100 * comparison.tolerance:g} %.",
            style="faint",
        ),
        rect(low, _TOP - 8, high - low, bottom - _TOP + 4, style="pale"),
        *x_grid(axis.ticks(), _TOP - 8, bottom - 4),
        line(axis.x(1), _TOP - 8, axis.x(1), bottom - 4),
        *(
            part
            for at, case in enumerate(cases)
            for part in _row(case, _TOP + _ROW * at, axis, comparison.tolerance)
        ),
        text(_WIDTH - _RIGHT, bottom + 34, "new against base", style="faint", anchor="end"),
    ]
    return drawing("By how much new differs from base", _WIDTH, bottom + _FOOT, parts)


_KEY = "The bar is the ratio's 95 % interval; below it every process, as a share of base's mean."


def _row(case: CaseComparison, y: float, axis: _Axis, tolerance: float) -> Iterator[str]:
    color = _COLORS[case.verdict]
    said = verdict_words(case, tolerance)
    yield text(16, y + 8, f"{case.label}: {said}", style="strong")
    for name, at in (("ratio", 26), ("base", 42), ("new", 56)):
        yield text(_LEFT - 12, y + at + 4, name, style="faint", anchor="end")
    words = f"{case.label}: {ratio_words(case)} of base, {said}"
    yield mark(words, _interval(case, y + 26, axis, color), (_WIDTH - _RIGHT, 26))
    for side, name, at in ((0, "base", 42), (1, "new", 56)):
        opacity = 0.7 if side else 0  # not "none": a pointer would fall through the middle
        for value, share in zip(case.values[side], _relative(case, side), strict=True):
            shape = (
                f'<circle cx="{axis.x(share):.1f}" cy="{y + at:.1f}" r="4" fill="{color}"'
                f' fill-opacity="{opacity}" stroke="{color}"/>'
            )
            told = f"{name}: {fixed(value, 4)} {case.unit}, {_percent(share - 1)}"
            yield mark(told, [shape], (_WIDTH - _RIGHT, 26), by_keyboard=False)


def _interval(case: CaseComparison, y: float, axis: _Axis, color: str) -> Iterator[str]:
    low, high = case.ratio.low, case.ratio.high
    if low is not None and high is not None:
        left, right = axis.x(low), axis.x(high)
        yield rect(left, y - 4, max(right - left, 1), 8, fill=color)
        for end, at, out in ((low, left, -1), (high, right, 1)):
            if axis.cuts(end):
                yield f'<path d="M{at:.1f} {y - 8:.1f}l{9 * out} 8l{-9 * out} 8z" fill="{color}"/>'
    x = axis.x(case.ratio.value)
    yield f'<path class="point" d="M{x:.1f} {y - 8:.1f}l6 8l-6 8l-6 -8z" fill="{color}"/>'


def _relative(case: CaseComparison, side: int) -> list[float]:
    """Returns each process's figure as a share of the base's mean; 1 where that is 0."""
    return [value / case.base if case.base else 1.0 for value in case.values[side]]


def _log(ratio: float) -> float:
    """Returns the logarithm of a ratio, kept within what any picture shows."""
    if ratio <= 0:
        return -_FARTHEST
    return min(max(math.log(ratio), -_FARTHEST), _FARTHEST)


def _percent(change: float) -> str:
    return f"{100 * change:+.3g} %".replace("-", "−") if abs(change) > 1e-9 else "±0"
