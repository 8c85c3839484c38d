"""Two sides become a comparison: a ratio, an interval and a verdict for each case."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from r50bench.comparison.pairing import pairs_of
from r50bench.comparison.questions import Question, question_of
from r50bench.comparison.side import Side
from r50bench.comparison.verdict import (
    DEFAULT_TOLERANCE,
    Basis,
    Between,
    LogRatio,
    Verdict,
    decide,
    log_ratio,
    processes_needed,
)
from r50bench.errors import CheckFailed, TooNoisy, UsageError
from r50bench.notices import Notice
from r50bench.results.differences import Difference, differences
from r50bench.results.judged import Judged, Undisturbed
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
    ``counted`` where nothing scatters; ``disturbed`` where undisturbed batches were to be judged
    and a side has too few, so that figures are as experienced and the verdict must be ``too
    noisy``. ``processes_needed`` a side (or pairs) would likely settle what is too noisy; None
    where nobody can tell, or too many would be. ``differing`` is what else is not the same,
    strongest suspect first. ``judged`` says which batches the figures are of, and ``undisturbed``
    by side how many processes have enough undisturbed ones, whether or not they were judged.
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
    judged: Judged
    undisturbed: tuple[Undisturbed, Undisturbed]


@dataclass(frozen=True)
class Comparison:
    """All questions that both sides answer; ``only_base`` and ``only_new`` have one side only.

    ``judged`` is what was asked to be: all batches, as experienced, or the undisturbed ones.
    """

    base: str
    new: str
    tolerance: float
    cases: tuple[CaseComparison, ...]
    only_base: tuple[str, ...] = ()
    only_new: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    judged: Judged = "experienced"

    def with_verdict(self, verdict: Verdict) -> tuple[CaseComparison, ...]:
        return tuple(case for case in self.cases if case.verdict == verdict)


def compare_sides(
    base: Side,
    new: Side,
    *,
    tolerance: float = DEFAULT_TOLERANCE,
    known: Known = lambda records: None,
    judged: Judged = "experienced",
) -> Comparison:
    """Compares the primary figures of all questions that both sides answer.

    With ``judged`` "undisturbed" they are those of undisturbed batches alone; processes that have
    too few of them are left out.

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
        _settled([question_of(pair, judged) for pair in both], tolerance, known),
        tuple(pair.label for pair in pairs if not pair.new),
        tuple(pair.label for pair in pairs if not pair.base),
        (*base.notices, *new.notices),
        judged,
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


def _settled(
    questions: Sequence[Question], tolerance: float, known: Known
) -> tuple[CaseComparison, ...]:
    ratios = [_ratio(question, known) for question in questions]
    better = [bool(question.pair.base[0].primary.more_is_better) for question in questions]
    verdicts = decide(ratios, better, tolerance)
    rows = zip(questions, ratios, verdicts, strict=True)
    return tuple(_row(*row, tolerance=tolerance, claims=len(questions)) for row in rows)


def _ratio(question: Question, known: Known) -> LogRatio:
    base, new = question.samples
    found = log_ratio(base, new, _known_of(question, known))
    return replace(found, basis="disturbed") if question.open else found


def _known_of(question: Question, known: Known) -> Between | None:
    base, new = question.samples
    if max(len(base.values), len(new.values)) > 1 or base.counted:
        return None
    return known([run.record for run in (*question.pair.base, *question.pair.new)])


def _row(
    question: Question,
    ratio: LogRatio,
    verdict: Verdict,
    *,
    tolerance: float,
    claims: int,
) -> CaseComparison:
    pair, figure = question.pair, question.figures[0][0]
    base, new = question.samples
    needed = None
    if verdict == "too noisy" and not question.open:
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
        judged=question.judged,
        undisturbed=question.undisturbed,
    )


def _in_short(case: CaseComparison) -> str:
    return f"{case.label} ({case.ratio.value:.3f} of base)"


def _mend(noisy: Sequence[CaseComparison]) -> str:
    if any(case.basis == "disturbed" for case in noisy):
        return (
            "run longer, so that more batches pass undisturbed, or on cores that no other guest"
            " shares; without --undisturbed it goes by what was experienced"
        )
    told = _mend_of_noise(noisy)
    if all(map(_undisturbed_may_tell, noisy)):
        told += "; or leave disturbed batches out: --undisturbed"
    return told


def _undisturbed_may_tell(case: CaseComparison) -> bool:
    """Whether undisturbed batches were not judged, and could be, and are not nearly all."""
    both = case.undisturbed
    return (
        case.judged == "experienced"
        and not any(side.too_few for side in both)
        and any(side.seldom for side in both)
    )


def _mend_of_noise(noisy: Sequence[CaseComparison]) -> str:
    needed = [case.processes_needed for case in noisy]
    known = [count for count in needed if count is not None]
    if len(known) == len(needed) and noisy[0].basis == "pairs":
        return f"about {max(known)} pairs would likely tell: a longer --budget"
    if len(known) == len(needed):
        return f"run --processes {max(known)} on both sides would likely tell"
    if any(case.basis == "rounds" for case in noisy):
        return "run --processes 5 on both sides: one process says nothing of the next one"
    return "quieten the machine first ('r50bench doctor' says how), or raise --threshold"
