"""By what factor two sets of processes differ, and what may be said of it; arithmetic only.

Everything is computed on logarithms of the figures: a ratio is a difference there, and the spread
of a figure, which grows with it, is not. docs/method.md says why these methods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from r50bench.results.stats import CONFIDENCE, Estimate

__all__ = [
    "DEFAULT_TOLERANCE",
    "ERROR_RATE",
    "MOST_PROCESSES",
    "Basis",
    "Between",
    "LogRatio",
    "Sample",
    "Verdict",
    "decide",
    "log_ratio",
    "processes_needed",
    "quantile",
    "would_settle",
]

Verdict = Literal["faster", "slower", "same", "too noisy"]
"""``same`` means: within the tolerance."""

Basis = Literal[
    "processes", "pairs", "one process a side", "history", "counted", "rounds", "disturbed"
]
"""What an interval rests on, see :func:`log_ratio`; ``pairs`` is :mod:`.sequential`.

``disturbed`` is one that decides nothing, since other figures were to be judged.
"""

_DECIDING_NOTHING: tuple[Basis, ...] = ("rounds", "disturbed")

ERROR_RATE = 1 - CONFIDENCE
"""How often, at most, a whole table may call something faster or slower that is not."""

DEFAULT_TOLERANCE = 0.02
"""Two per cent: what a restless machine can show at all with a handful of processes."""

MOST_PROCESSES = 200
"""More are not advised: the machine wants quiet, not patience."""

_POWER = 0.8
"""How likely the advised number of processes settles the question."""


@dataclass(frozen=True)
class Sample:
    """One side of a question: a figure of each process, in its unit; above 0 unless it is counted.

    ``within`` is the standard error of the logarithm of each figure, as its process alone shows it;
    None where a process cannot tell. ``counted`` figures (correct answers) have no noise at all.
    """

    values: tuple[float, ...]
    within: tuple[float | None, ...]
    counted: bool = False

    @property
    def logs(self) -> tuple[float, ...]:
        return tuple(math.log(value) if value else -math.inf for value in self.values)

    @property
    def mean(self) -> float:
        """The geometric mean of the processes' figures."""
        return math.exp(math.fsum(self.logs) / len(self.logs))

    @property
    def variance(self) -> float:
        """The variance of the logarithms between processes; at least two are there."""
        return _variance(self.logs)


@dataclass(frozen=True)
class Between:
    """What is known from elsewhere of the spread between processes: variance of the logarithm."""

    variance: float
    freedom: float


@dataclass(frozen=True)
class LogRatio:
    """The logarithm of new over base. ``freedom`` is infinite where ``error`` is known exactly."""

    value: float
    error: float
    freedom: float
    basis: Basis

    @property
    def ratio(self) -> float:
        return math.exp(self.value)

    def interval(self, confidence: float = CONFIDENCE) -> Estimate:
        """Returns the ratio with its interval by Student's t."""
        half = quantile((1 + confidence) / 2, self.freedom) * self.error
        return Estimate(self.ratio, math.exp(self.value - half), math.exp(self.value + half))

    def p_equal(self) -> float:
        """Returns how often equal sides would be at least so far apart."""
        return 2 * _beyond(abs(self.value), self.error, self.freedom)

    def p_outside(self, tolerance: float) -> float:
        """Returns how often sides that differ by ``tolerance`` would come at least so near.

        Two one-sided tests (Schuirmann 1987): the worse of those against either end of
        1 ± ``tolerance``.
        """
        to_upper = math.log1p(tolerance) - self.value
        to_lower = self.value - math.log1p(-tolerance)
        return _beyond(min(to_upper, to_lower), self.error, self.freedom)


def log_ratio(base: Sample, new: Sample, known: Between | None = None) -> LogRatio:
    """Returns new over base, on the best basis that there is.

    ``processes``: both sides have two or more, and Welch's t needs nothing else. ``one process a
    side``: only one side has, and its spread is taken for the other's too. ``history``: neither
    has, and ``known`` is the spread between processes. ``rounds``: nor is that known; the interval
    then covers the spread within the two processes alone, and no verdict can rest on it.
    ``counted``: both sides are counts, which differ or do not.
    """
    if base.counted and new.counted:
        apart = 0.0 if base.mean == new.mean else _mean(new.logs) - _mean(base.logs)
        return LogRatio(apart, 0.0, math.inf, "counted")
    value = _mean(new.logs) - _mean(base.logs)
    sizes = len(base.values), len(new.values)
    if min(sizes) >= 2:
        parts = [(side.variance / len(side.values), len(side.values) - 1) for side in (base, new)]
        return LogRatio(value, *_added(parts), "processes")
    if max(sizes) >= 2:
        several = base if sizes[0] > 1 else new
        variance = several.variance * (1 + 1 / len(several.values))
        return LogRatio(value, math.sqrt(variance), len(several.values) - 1, "one process a side")
    within = [side.within[0] for side in (base, new)]
    if known is not None:
        variance = sum(max(known.variance, (one or 0.0) ** 2) for one in within)
        return LogRatio(value, math.sqrt(variance), known.freedom, "history")
    if None in within:
        return LogRatio(value, math.inf, math.inf, "rounds")
    return LogRatio(value, math.hypot(*(one or 0.0 for one in within)), math.inf, "rounds")


def decide(
    ratios: Sequence[LogRatio], more_is_better: Sequence[bool], tolerance: float
) -> list[Verdict]:
    """Returns the verdict of each case of a table.

    ``same`` where the ratio is within 1 ± ``tolerance`` for sure, else ``faster`` or ``slower``
    where it is not 1 for sure, else ``too noisy``. Over the whole table, however many cases it has,
    in at most 5 of 100 such tables is any case called faster or slower that is not, and in as many
    any called the same that is not (Holm 1979, for either claim).
    """
    able = [ratio.basis not in _DECIDING_NOTHING for ratio in ratios]
    within = _holm([one.p_outside(tolerance) for one in ratios], able)
    apart = _holm([one.p_equal() for one in ratios], able)
    said: list[Verdict] = []
    for ratio, more, is_same, differs in zip(ratios, more_is_better, within, apart, strict=True):
        if is_same:
            said.append("same")
        elif differs:
            said.append("faster" if (ratio.value > 0) == more else "slower")
        else:
            said.append("too noisy")
    return said


def processes_needed(
    ratio: LogRatio, base: Sample, new: Sample, tolerance: float, claims: int = 1
) -> int | None:
    """Returns how many processes a side would likely settle the question; None if too many would.

    As things look now: with the ratio and the spread that were seen, four times in five one of the
    two claims would hold in a table of ``claims`` cases. At most :data:`MOST_PROCESSES`.
    """
    spread = _spread_a_process(ratio, base, new)
    if spread is None:
        return None
    for count in range(2, MOST_PROCESSES + 1):
        planned = replace(
            ratio, error=spread * math.sqrt(2 / count), freedom=2 * (count - 1), basis="processes"
        )
        if would_settle(planned, tolerance, ERROR_RATE / claims):
            return count
    return None


def _spread_a_process(ratio: LogRatio, base: Sample, new: Sample) -> float | None:
    """Returns the standard deviation of one process's logarithm, None where nobody knows it."""
    several = [side.variance for side in (base, new) if len(side.values) > 1]
    if several:
        return math.sqrt(math.fsum(several) / len(several))
    return ratio.error / math.sqrt(2) if ratio.basis == "history" else None


def would_settle(planned: LogRatio, tolerance: float, share: float) -> bool:
    """Whether either claim would hold at the error rate ``share``, four times in five."""
    reserve = quantile(_POWER, planned.freedom) * planned.error
    apart = abs(planned.value) - reserve
    if apart > 0 and replace(planned, value=apart).p_equal() <= share:
        return True
    outward = planned.value + math.copysign(reserve, planned.value)
    return replace(planned, value=outward).p_outside(tolerance) <= share


def _holm(p_values: Sequence[float], able: Sequence[bool]) -> list[bool]:
    """Returns which hypotheses fall at :data:`ERROR_RATE` over all those that are ``able`` to."""
    order = sorted((at for at, can in enumerate(able) if can), key=lambda at: p_values[at])
    fallen = [False] * len(p_values)
    for rank, at in enumerate(order):
        if p_values[at] > ERROR_RATE / (len(order) - rank):
            break
        fallen[at] = True
    return fallen


def _added(parts: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Returns the error of a difference and its degrees of freedom (Welch 1947).

    ``parts`` are the squared standard errors of both means, each with its degrees of freedom.
    """
    square = math.fsum(part for part, _ in parts)
    if square == 0:
        return 0.0, math.inf
    # Shares first: the square of a tiny variance would be 0.
    freedom = 1 / math.fsum((part / square) ** 2 / freedom for part, freedom in parts)
    return math.sqrt(square), freedom


def _beyond(distance: float, error: float, freedom: float) -> float:
    """Returns the probability that Student's t exceeds ``distance`` in units of ``error``."""
    if error == 0 or math.isinf(error):
        known = 0.0 if distance > 0 else 0.5 if distance == 0 else 1.0
        return known if error == 0 else 0.5
    from scipy.special import ndtr, stdtr  # a third of a second, which no help should wait for

    at = -distance / error
    return float(ndtr(at) if math.isinf(freedom) else stdtr(freedom, at))


def quantile(probability: float, freedom: float) -> float:
    """Returns the quantile of Student's t; of the normal distribution at infinite freedom."""
    from scipy.special import ndtri, stdtrit  # as above

    if math.isinf(freedom):
        return float(ndtri(probability))
    return float(stdtrit(freedom, probability))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
