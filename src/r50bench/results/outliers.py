"""Which of several values do not belong to the others; arithmetic, docs/method.md says why so.

For machines that should be alike: their figures scatter a little, and one of them, or two, may be
far from the rest.
"""

from __future__ import annotations

import math

import numpy as np

from r50bench.results.stats import CONFIDENCE, Floats

__all__ = ["LEAST_ALIKE", "outlying"]

LEAST_ALIKE = 4
"""Of fewer, none can be told from the others: two values differ, and neither is the odd one."""

_MOST_SHARE = 3
"""At most a third may be odd: from there on there are two kinds, and no rule with exceptions."""


def outlying(values: Floats) -> tuple[int, ...]:
    """Returns the positions of the values that do not belong to the others, oddest first.

    By the generalised extreme Studentized deviate test (Rosner 1983), which looks for several at
    once, so that two do not hide each other: of values that are alike, none is called odd in 95 of
    100 such sets. The values are taken as normally distributed; take logarithms of figures. Of
    fewer than 4 values none is odd.
    """
    left = list(range(len(values)))
    removed: list[int] = []
    odd = 0
    if len(values) < LEAST_ALIKE:
        return ()
    most = max(1, len(values) // _MOST_SHARE)
    # The test is Grubbs', and exact, where one is looked for. Of more, with fewer than some 25
    # values, it finds by chance 8 in 100 where it promises 5 (by simulation): half of them is 4.
    chance = (1 - CONFIDENCE) / min(most, 2)
    for number in range(1, most + 1):
        rest = values[left]
        deviations = np.abs(rest - np.mean(rest))
        spread = float(np.std(rest, ddof=1))
        if spread <= 1e-12 * max(1.0, float(np.max(np.abs(rest)))):
            break
        at = int(np.argmax(deviations))
        removed.append(left.pop(at))
        if float(deviations[at]) / spread > _critical(len(values), number, chance):
            odd = number
    return tuple(removed[:odd])


def _critical(count: int, number: int, chance: float) -> float:
    """Returns what the ``number``-th largest deviation exceeds with the probability ``chance``."""
    from scipy.special import stdtrit  # a third of a second, which no help should wait for

    freedom = count - number - 1
    share = 1 - chance / (2 * (count - number + 1))
    quantile = float(stdtrit(freedom, share))
    return (count - number) * quantile / math.sqrt((freedom + quantile**2) * (count - number + 1))
