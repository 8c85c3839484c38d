"""A question that both sides answer, with the figures that its processes are judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from r50bench.comparison.pairing import Pair
from r50bench.comparison.side import MeasuredRun
from r50bench.comparison.verdict import Sample
from r50bench.errors import UsageError
from r50bench.results.judged import Judged, Undisturbed, judged_figure, undisturbed_of
from r50bench.results.kpi import ACCURACY, Kpi, by_name
from r50bench.results.processes import log_error

__all__ = ["Question", "have_ratio", "question_of"]


@dataclass(frozen=True)
class Question:
    """One question. ``figures`` are by side those of its processes, ``judged`` what they are of.

    ``undisturbed`` says by side how far the processes can be judged by undisturbed batches.
    ``open``: that was asked, and too few of a side can; the figures are as experienced then, and
    decide nothing.
    """

    pair: Pair
    figures: tuple[tuple[Kpi, ...], tuple[Kpi, ...]]
    judged: Judged
    undisturbed: tuple[Undisturbed, Undisturbed]
    open: bool

    @property
    def samples(self) -> tuple[Sample, Sample]:
        base, new = map(_sample, self.figures)
        return base, new


def question_of(pair: Pair, asked: Judged) -> Question:
    """Returns the question that both sides of a pair answer.

    Processes without an undisturbed figure are left out where these are ``asked`` for.

    Raises:
        UsageError: there is no ratio of the figures.
    """
    name = pair.base[0].primary.name
    sides = (pair.base, pair.new)
    base, new = (undisturbed_of([by_name(run.figures) for run in side], name) for side in sides)
    judged: Judged = "experienced" if name == ACCURACY else asked
    too_few = judged == "undisturbed" and (base.too_few or new.too_few)
    if too_few:
        judged = "experienced"
    found = _figures(pair.base, name, judged), _figures(pair.new, name, judged)
    question = Question(pair, found, judged, (base, new), too_few)
    _refuse_nothing(question)
    return question


def _figures(runs: Sequence[MeasuredRun], name: str, judged: Judged) -> tuple[Kpi, ...]:
    found = (judged_figure(by_name(run.figures), name, judged) for run in runs)
    return tuple(figure for figure in found if figure is not None)


def _sample(figures: Sequence[Kpi]) -> Sample:
    values = tuple(figure.value for figure in figures)
    return Sample(values, tuple(map(log_error, figures)), figures[0].name == ACCURACY)


def have_ratio(base: Sequence[Kpi], new: Sequence[Kpi]) -> bool:
    """Whether the figures of two sides have a ratio: none is 0, or it is a count, and not a base
    of which there came more."""
    before, now = ([figure.value for figure in side] for side in (base, new))
    if base[0].name == ACCURACY:
        return min(before) > 0 or max(now) == 0
    return min(*before, *now) > 0


def _refuse_nothing(question: Question) -> None:
    if have_ratio(*question.figures):
        return
    for run in (*question.pair.base, *question.pair.new):
        if run.primary.value <= 0:
            raise UsageError(
                f"{run.record.id} has {run.primary.label} {run.primary.value:g}, of which there is"
                " no ratio",
                hint="leave that record out",
            )
