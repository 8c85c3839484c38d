"""Pairs of processes that are looked at after each one: when to stop, and what may be said then.

Whoever looks again and again at a test that allows for one look finds a difference sooner or later.
Here every look tests at a level that is so much stricter that all of them together err in 5 of 100:
Pocock's boundary (Biometrika 64, 1977) for Student's t, with equal nominal p-values at all looks.
That t does not depend on the unknown spread where there is no difference, so the level is found by
simulating it. The intervals are the repeated ones of Jennison and Turnbull (*Group Sequential
Methods*, 2000, chapter 9): all of them together hold the true ratio 95 times in 100.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from r50bench.comparison.verdict import (
    ERROR_RATE,
    MOST_PROCESSES,
    LogRatio,
    Verdict,
    would_settle,
)
from r50bench.results.stats import Estimate

__all__ = ["FIRST_LOOK", "MOST_PAIRS", "Look", "Looks", "nominal_level"]

FIRST_LOOK = 3
"""Pairs before the first look: with two, one degree of freedom would forgive anything."""

MOST_PAIRS = 30

_SIMULATED = 40_000


@dataclass(frozen=True)
class Look:
    """What is known after some pairs: the ratio with its repeated interval, and the verdict."""

    pairs: int
    ratio: Estimate
    verdict: Verdict


class Looks:
    """At most ``most`` pairs, each the logarithm of new over base, and a look after each.

    ``most`` must be settled by what pairs cost, never by what they gave.
    """

    def __init__(self, most: int, tolerance: float, *, more_is_better: bool) -> None:
        self.most = min(max(most, FIRST_LOOK), MOST_PAIRS)
        self._tolerance = tolerance
        self._more_is_better = more_is_better
        self._level = nominal_level(self.most)

    def look(self, logs: Sequence[float]) -> Look:
        """Returns what the pairs so far say; ``too noisy`` before the first look is due.

        Of no pair the ratio is 1.
        """
        if len(logs) == 0:
            return Look(0, Estimate(1.0), "too noisy")
        found = _ratio(logs)
        if len(logs) < FIRST_LOOK:
            return Look(len(logs), Estimate(found.ratio), "too noisy")
        interval = found.interval(1 - self._level)
        return Look(len(logs), interval, self._verdict(interval))

    def is_over(self, look: Look) -> bool:
        """Whether there is nothing more to measure."""
        return look.pairs >= self.most or (look.verdict != "too noisy" and look.pairs >= FIRST_LOOK)

    def pairs_needed(self, logs: Sequence[float]) -> int | None:
        """Returns how many pairs would likely settle the question, None if too many would."""
        if len(logs) < 2:
            return None
        found = _ratio(logs)
        spread = found.error * math.sqrt(len(logs))
        for count in range(len(logs) + 1, MOST_PROCESSES + 1):
            planned = replace(found, error=spread / math.sqrt(count), freedom=count - 1)
            if would_settle(planned, self._tolerance, self._level):
                return count
        return None

    def _verdict(self, interval: Estimate) -> Verdict:
        low, high = interval.low, interval.high
        assert low is not None
        assert high is not None
        if 1 - self._tolerance <= low and high <= 1 + self._tolerance:
            return "same"
        if low <= 1 <= high:
            return "too noisy"
        return "faster" if (interval.value > 1) == self._more_is_better else "slower"


@functools.lru_cache
def nominal_level(most: int) -> float:
    """Returns the p-value below which each of the looks at 3 to ``most`` pairs may claim something.

    So that equal sides are told apart at any of them 5 times in 100: by 40,000 simulated series,
    always the same ones.
    """
    from scipy.special import stdtr  # a third of a second, which no help should wait for

    random = np.random.default_rng(0)
    values = random.standard_normal((_SIMULATED, most))
    counts = np.arange(1, most + 1)
    means = np.cumsum(values, axis=1) / counts
    squares = np.cumsum(values**2, axis=1) - counts * means**2
    at = slice(FIRST_LOOK - 1, most)
    freedom = counts[at] - 1
    t = means[:, at] / np.sqrt(squares[:, at] / freedom / counts[at])
    least = np.min(2 * stdtr(freedom, -np.abs(t)), axis=1)
    return min(float(np.quantile(least, ERROR_RATE)), ERROR_RATE)


def _ratio(logs: Sequence[float]) -> LogRatio:
    values = np.asarray(logs, np.float64)
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return LogRatio(float(np.mean(values)), error, max(len(values) - 1, 1), "pairs")
