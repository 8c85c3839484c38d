"""Estimates with 95 % intervals from rows of numbers; docs/method.md says why these.

Everything here is arithmetic: no clock, no file, no notion of a record. An interval that the
numbers cannot support is absent (None), never zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "CONFIDENCE",
    "LEAST_ROUNDS",
    "Estimate",
    "Floats",
    "geometric_mean",
    "inflation",
    "mean_of_rounds",
    "mean_of_series",
    "percentile",
    "supports_percentile",
]

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
"""How often an interval is meant to hold the true value."""

LEAST_ROUNDS = 3
"""From how many rounds on the rounds' own figures give the interval."""

_LEAST_BLOCKS = 5
_STRONGEST_CORRELATION = 0.7
_LEAST_FREEDOM = 3.0


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that holds the true one in 95 of 100 runs, where known.

    Figures are times, rates and shares: the interval of one that is not negative is cut off at 0.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.low is not None and self.low < 0 <= self.value:
            object.__setattr__(self, "low", 0.0)

    def scaled(self, factor: float) -> Estimate:
        """Returns the same figure in another unit; ``factor`` is positive."""
        return Estimate(
            self.value * factor,
            None if self.low is None else self.low * factor,
            None if self.high is None else self.high * factor,
        )


def mean_of_rounds(values: Floats) -> Estimate:
    """Returns the mean of one figure per round, with Student's t interval from 3 rounds on.

    Rounds are separated by other work, so they count as independent.
    """
    mean = float(np.mean(values))
    count = len(values)
    if count < LEAST_ROUNDS:
        return Estimate(mean)
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    return _student(mean, error, count - 1)


def geometric_mean(logs: Floats) -> Estimate:
    """Returns the geometric mean of values given by their logarithms, with its interval.

    The interval is Student's t on the logarithms, from 2 values on: it is for values that are
    independent by their making, such as those of processes.
    """
    mean = float(np.mean(logs))
    count = len(logs)
    if count < 2:
        return Estimate(math.exp(mean))
    on_logs = _ends(mean, float(np.std(logs, ddof=1)) / math.sqrt(count), count - 1)
    return Estimate(*map(math.exp, on_logs))


def mean_of_series(series: Sequence[Floats]) -> Estimate:
    """Returns the mean of values that follow one another in time, and so resemble each other.

    ``series`` holds one run of block means per round; neighbours are correlated within a round,
    not across rounds. The standard error of independent values is widened by the correlation that
    is seen (:func:`inflation`), and Student's t takes the degrees of freedom that remain. With
    fewer than 5 blocks in all there is no interval.
    """
    values = np.concatenate(series)
    count = len(values)
    mean = float(np.mean(values))
    if count < _LEAST_BLOCKS:
        return Estimate(mean)
    factor = inflation(series)
    # Values that resemble each other also lie nearer to their own mean than to the true one: their
    # sample variance falls short by (count - factor) / (count - 1).
    variance = float(np.sum((values - mean) ** 2)) / (count - factor)
    freedom = max(count / factor - 1, _LEAST_FREEDOM)
    return _student(mean, math.sqrt(variance * factor / count), freedom)


def inflation(series: Sequence[Floats]) -> float:
    """Returns by how much correlation in time multiplies the variance of the mean; at least 1.

    Neighbours' correlation is estimated over all series about their common mean, freed of its bias
    in short series (Kendall 1954: it falls short by (1 + 3 r) / n) and raised by one standard
    error, since an understated correlation makes an interval too narrow. From there on it is taken
    to fade as in a first-order autoregression, and at most 0.7.
    """
    values = np.concatenate(series)
    count = len(values)
    deviations = [part - np.mean(values) for part in series]
    square = sum(float(part @ part) for part in deviations)
    if square == 0 or count < _LEAST_BLOCKS:
        return 1.0
    neighbours = sum(float(part[1:] @ part[:-1]) for part in deviations) / square
    unbiased = (count * neighbours + 1) / (count - 3)
    r = min(max(unbiased + 1 / math.sqrt(count), 0.0), _STRONGEST_CORRELATION)
    longest = max(len(part) for part in series)
    lags = np.arange(1, longest)
    return 1.0 + 2.0 * float(np.sum((1 - lags / longest) * r**lags))


def supports_percentile(count: int, percent: float) -> bool:
    """Says whether ``count`` values hold at least one beyond that percentile: 100 for P99."""
    return count * (100 - percent) >= 100 - 1e-9


def percentile(values: Floats, percent: float, widening: float = 1.0) -> Estimate:
    """Returns a percentile by nearest rank, with its interval by order statistics.

    The percentile is the ⌈percent/100 · n⌉-th smallest value: one that was really measured, and the
    definition MLPerf's LoadGen uses. The interval's ends are values too, at the ranks between which
    the true percentile lies with 95 % by the binomial distribution, whatever the values'
    distribution (Conover, Practical Nonparametric Statistics, 3.2). ``widening`` (at least 1) is
    the :func:`inflation` of correlated values: it moves both ranks away by its square root. An end
    beyond the smallest or largest value is None.
    """
    ordered = np.sort(values)
    count = len(ordered)
    share = percent / 100
    below, above = _ranks(count, share)
    centre, stretch = share * count, math.sqrt(widening)
    # Rounded first: rank 999 of 1000 for P99.9 must not depend on the last bit of a product.
    below = math.floor(round(centre - (centre - below) * stretch, 9))
    above = math.ceil(round(centre + (above - centre) * stretch, 9))
    rank = max(1, math.ceil(round(centre, 9)))
    return Estimate(
        float(ordered[rank - 1]),
        float(ordered[below - 1]) if below >= 1 else None,
        float(ordered[above - 1]) if above <= count else None,
    )


def _ranks(count: int, share: float) -> tuple[int, int]:
    """Returns the ranks that enclose a quantile; 0 and count + 1 stand for 'none does'.

    The number of values below the quantile is binomial: the lower rank l is the largest with
    P(fewer than l) ≤ 2.5 %, the upper rank u the smallest with P(u or more) ≤ 2.5 %.
    """
    tail = (1 - CONFIDENCE) / 2
    from scipy.special import bdtr  # a third of a second, which no help or plan should wait for

    fewer = bdtr(np.arange(count + 1, dtype=np.float64), count, share)
    below = int(np.searchsorted(fewer, tail, side="right"))
    above = int(np.searchsorted(fewer, 1 - tail, side="left")) + 1
    return below, above


def _student(mean: float, error: float, freedom: float) -> Estimate:
    return Estimate(*_ends(mean, error, freedom))


def _ends(mean: float, error: float, freedom: float) -> tuple[float, float, float]:
    from scipy.special import stdtrit  # as above

    half = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    return mean, mean - half, mean + half
