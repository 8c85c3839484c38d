"""How two things that were measured in turns compare: their ratio, round by round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from r50bench.results.stats import Estimate, percentile

__all__ = ["beyond_noise", "ratio_of_rounds"]


def ratio_of_rounds(figures: Sequence[float], reference: Sequence[float]) -> Estimate:
    """Returns the median of ``figures`` over ``reference``, each of the same round.

    What disturbs a whole round cancels out, and one that was disturbed in between moves the median
    little. The interval is that of the median by order statistics, from 6 rounds on.

    Raises:
        ValueError: there is no round, or not as many of both.
    """
    if not figures or len(figures) != len(reference):
        raise ValueError(f"{len(figures)} rounds beside {len(reference)}")
    return percentile(np.asarray(figures, np.float64) / np.asarray(reference, np.float64), 50.0)


def beyond_noise(ratio: Estimate) -> bool | None:
    """Says whether the interval leaves 1 out; None where there is none."""
    if ratio.low is None or ratio.high is None:
        return None
    return not ratio.low <= 1.0 <= ratio.high
