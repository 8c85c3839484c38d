"""Several processes of one case: their figure, and what share of its spread lies between them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from r50bench.results.kpi import Kpi
from r50bench.results.stats import Estimate, geometric_mean

__all__ = ["NORMAL_95", "ProcessFigures", "estimate_of", "log_error", "process_figures"]

NORMAL_95 = 1.959964
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True)
class ProcessFigures:
    """The figure of a case over processes, which are independent samples of it.

    ``estimate`` is the geometric mean with its 95 % interval by Student's t on the logarithms;
    ``spread`` the standard deviation between processes as a share of the figure; ``between`` the
    share of that variance which the spread within each process does not explain. None where too few
    processes, or their rounds, cannot tell. Where a figure is 0, such as an accuracy, ``estimate``
    is the arithmetic mean, and nothing else can be told.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    estimate: Estimate
    spread: float | None
    between: float | None


def estimate_of(figures: Sequence[Kpi]) -> Estimate:
    """Returns the figure of one case over its processes, one at least.

    A single process's has its own interval, that of several the one between them.
    """
    first, *others = figures
    if others:
        return process_figures(figures).estimate
    return Estimate(first.value, first.low, first.high)


def process_figures(figures: Sequence[Kpi]) -> ProcessFigures:
    """Returns the figure of processes of one case; each figure is one process's.

    Raises:
        ValueError: there is none.
    """
    if not figures:
        raise ValueError("no process")
    name, unit = figures[0].name, figures[0].unit
    values = tuple(one.value for one in figures)
    if min(values) <= 0:
        return ProcessFigures(name, unit, values, Estimate(statistics.fmean(values)), None, None)
    logs = np.log(values)
    variance = float(np.var(logs, ddof=1)) if len(figures) > 1 else None
    return ProcessFigures(
        name,
        unit,
        values,
        estimate=geometric_mean(logs),
        spread=None if variance is None else math.sqrt(variance),
        between=_share_between(variance, [log_error(one) for one in figures]),
    )


def log_error(figure: Kpi) -> float | None:
    """Returns the standard error of a figure's logarithm, from its 95 % interval; None without.

    The interval is Student's, of unknown freedom: read as a normal one it gives an error that is,
    if anything, too large. The upper half alone is read, as the lower may have been cut at zero.
    """
    if figure.high is None or figure.low is None or figure.value <= 0:
        return None
    return math.log(figure.high / figure.value) / NORMAL_95


def _share_between(variance: float | None, within: Sequence[float | None]) -> float | None:
    known = [error**2 for error in within if error is not None]
    if not variance or len(known) < len(within):
        return None
    return max(0.0, 1 - math.fsum(known) / len(known) / variance)
