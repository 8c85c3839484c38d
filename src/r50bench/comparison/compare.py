"""Two sides become a comparison: a ratio, an interval and a verdict for each case."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from r50bench.comparison.pairing import Pair, pairs_of
from r50bench.comparison.side import MeasuredRun, Side
from r50bench.comparison.verdict import (
    DEFAULT_TOLERANCE,
    Basis,
    Between,
    LogRatio,
    Sample,
    Verdict,
    decide,
    log_ratio,
    processes_needed,
)
from r50bench.errors import CheckFailed, TooNoisy, UsageError
from r50bench.notices import Notice
from r50bench.results.differences import Difference, differences
from r50bench.results.kpi import ACCURACY, Kpi
from r50bench.results.processes import log_error
from r50bench.results.record import Record
from r50bench.results.stats import Estimate
from r50bench.results.suspects import strongest_first

__all__ = ["CaseComparison", "Comparison", "Known", "compare_sides", "raise_verdict"]

Known = Callable[[Sequence[Record]], Between | None]
"""What the history knows of the spread between processes of the cases of records."""


@dataclass(frozen=True)
class CaseComparison:
    """One question answered by both sides.

    ``figure`` names the primary figure, in ``unit``; ``base`` and ``new`` are its geometric means
    over as many processes, whose own figures are ``values``. ``ratio`` is new over base with its
    95 % interval, which rests on ``basis``: ``processes``, where both sides have several;
    ``pairs``, where both were measured in turns by as many pairs of processes; ``one process a
    side`` where one has; ``history`` where that knows how processes scatter here; ``rounds`` where
    only the spread within two processes is known, so that the verdict must be ``too noisy``;
    ``counted`` where nothing scatters. ``processes_needed`` a side (or pairs) would likely settle
    what is too noisy; None where nobody can tell, or too many would be. ``differing`` is what else
    is not the same, strongest suspect first.
    """

    label: str
    figure: str
    unit: str
    base: float
    new: float
    processes: tuple[int, int]
    values: tuple[tuple[float, ...], tuple[float, ...]]
    ratio: Estimate
    basis: Basis
    verdict: Verdict
    processes_needed: int | None
    differing: tuple[Difference, ...]


@dataclass(frozen=True)
class Comparison:
    """All questions that both sides answer; ``only_base`` and ``only_new`` have one side only."""

    base: str
    new: str
    tolerance: float
    cases: tuple[CaseComparison, ...]
    only_base: tuple[str, ...] = ()
    only_new: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()

    def with_verdict(self, verdict: Verdict) -> tuple[CaseComparison, ...]:
        return tuple(case for case in self.cases if case.verdict == verdict)


def compare_sides(
    base: Side,
    new: Side,
    *,
    tolerance: float = DEFAULT_TOLERANCE,
    known: Known = lambda records: None,
) -> Comparison:
    """Compares the primary figures of all questions that both sides answer.

    Raises:
        UsageError: ``tolerance`` is not between 0 and 1, two runs may not be compared, or the
            sides have no question in common.
    """
    if not 0 < tolerance < 1:
        raise UsageError(f"a threshold of {100 * tolerance:g} %", hint="above 0 % and below 100 %")
    pairs = pairs_of(base.runs, new.runs)
    both = [pair for pair in pairs if pair.base and pair.new]
    if not both:
        raise UsageError(
            f"{base.title} and {new.title} have no case in common: "
            f"{', '.join(pair.label for pair in pairs)}",
            hint="compare runs of the same cases, or a single case on each side",
        )
    return Comparison(
        base.title,
        new.title,
        tolerance,
        _judged(both, tolerance, known),
        tuple(pair.label for pair in pairs if not pair.new),
        tuple(pair.label for pair in pairs if not pair.base),
        (*base.notices, *new.notices),
    )


def raise_verdict(comparison: Comparison) -> None:
    """Ends in the error that a comparison amounts to; does nothing where all is well.

    Raises:
        CheckFailed: a case is slower.
        TooNoisy: none is, but of one it cannot be said.
    """
    slower = comparison.with_verdict("slower")
    if slower:
        raise CheckFailed(
            f"slower: {', '.join(map(_in_short, slower))}",
            hint="what differs between the sides is listed with the strongest suspect first",
        )
    noisy = comparison.with_verdict("too noisy")
    if noisy:
        raise TooNoisy(f"too noisy to say: {', '.join(map(_in_short, noisy))}", hint=_mend(noisy))


def _judged(pairs: Sequence[Pair], tolerance: float, known: Known) -> tuple[CaseComparison, ...]:
    samples = [(_sample(pair.base), _sample(pair.new)) for pair in pairs]
    for pair, (base, new) in zip(pairs, samples, strict=True):
        _refuse_nothing(pair, base, new)
    ratios = [
        log_ratio(base, new, _known_of(pair, base, new, known))
        for pair, (base, new) in zip(pairs, samples, strict=True)
    ]
    figures = [pair.base[0].primary for pair in pairs]
    verdicts = decide(ratios, [bool(one.more_is_better) for one in figures], tolerance)
    rows = zip(pairs, samples, figures, ratios, verdicts, strict=True)
    return tuple(_row(*row, tolerance=tolerance, claims=len(pairs)) for row in rows)


def _known_of(pair: Pair, base: Sample, new: Sample, known: Known) -> Between | None:
    if max(len(base.values), len(new.values)) > 1 or base.counted:
        return None
    return known([run.record for run in (*pair.base, *pair.new)])


def _sample(runs: Sequence[MeasuredRun]) -> Sample:
    figures = [run.primary for run in runs]
    values = tuple(figure.value for figure in figures)
    return Sample(values, tuple(map(log_error, figures)), figures[0].name == ACCURACY)


def _refuse_nothing(pair: Pair, base: Sample, new: Sample) -> None:
    """Refuses figures of which there is no ratio: 0, unless it is a count and none has more."""
    if base.counted and (min(base.values) > 0 or max(new.values) == 0):
        return
    for run in (*pair.base, *pair.new):
        if run.primary.value <= 0:
            raise UsageError(
                f"{run.record.id} has {run.primary.label} {run.primary.value:g}, of which there is"
                " no ratio",
                hint="leave that record out",
            )


def _row(
    pair: Pair,
    samples: tuple[Sample, Sample],
    figure: Kpi,
    ratio: LogRatio,
    verdict: Verdict,
    *,
    tolerance: float,
    claims: int,
) -> CaseComparison:
    base, new = samples
    needed = None
    if verdict == "too noisy":
        needed = processes_needed(ratio, base, new, tolerance, claims)
    interval = ratio.interval() if math.isfinite(ratio.error) else Estimate(ratio.ratio)
    return CaseComparison(
        label=pair.label,
        figure=figure.name,
        unit=figure.unit,
        base=base.mean,
        new=new.mean,
        processes=(len(base.values), len(new.values)),
        values=(base.values, new.values),
        ratio=interval,
        basis=ratio.basis,
        verdict=verdict,
        processes_needed=needed,
        differing=strongest_first(differences(pair.base[0].record, pair.new[0].record)),
    )


def _in_short(case: CaseComparison) -> str:
    return f"{case.label} ({case.ratio.value:.3f} of base)"


def _mend(noisy: Sequence[CaseComparison]) -> str:
    needed = [case.processes_needed for case in noisy]
    known = [count for count in needed if count is not None]
    if len(known) == len(needed) and noisy[0].basis == "pairs":
        return f"about {max(known)} pairs would likely tell: a longer --budget"
    if len(known) == len(needed):
        return f"run --processes {max(known)} on both sides would likely tell"
    if any(case.basis == "rounds" for case in noisy):
        return "run --processes 5 on both sides: one process says nothing of the next one"
    return "quieten the machine first ('r50bench doctor' says how), or raise --threshold"
