"""How two things that were measured in turns compare: their ratio, by rounds or by figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from r50bench.results.kpi import Kpi
from r50bench.results.processes import NORMAL_95, log_error
from r50bench.results.stats import Estimate, percentile

__all__ = ["beyond_noise", "ratio_of_figures", "ratio_of_rounds"]


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


def ratio_of_figures(figure: Kpi, reference: Kpi) -> Estimate:
    """Returns the ratio of two processes' figures; its interval by the root of both's squares.

    For figures that whatever disturbs a round has been kept out of, so that nothing needs to cancel
    out. Both are above 0; without an interval of either there is none.
    """
    ratio = figure.value / reference.value
    errors = log_error(figure), log_error(reference)
    if errors[0] is None or errors[1] is None:
        return Estimate(ratio)
    width = math.exp(NORMAL_95 * math.hypot(errors[0], errors[1]))
    return Estimate(ratio, ratio / width, ratio * width)


def beyond_noise(ratio: Estimate) -> bool | None:
    """Says whether the interval leaves 1 out; None where there is none."""
    if ratio.low is None or ratio.high is None:
        return None
    return not ratio.low <= 1.0 <= ratio.high
