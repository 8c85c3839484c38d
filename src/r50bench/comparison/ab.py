"""Two ways to run one case against each other: pairs of fresh processes, measured in turns."""

from __future__ import annotations

import math
import shlex
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from r50bench.comparison.compare import CaseComparison, Comparison
from r50bench.comparison.sequential import FIRST_LOOK, Look, Looks
from r50bench.comparison.side import MeasuredRun, run_left
from r50bench.comparison.verdict import Basis
from r50bench.errors import Interrupted, UsageError
from r50bench.load import Steps
from r50bench.measure.bench import Bench
from r50bench.measure.inputs import gather
from r50bench.measure.session import Outcome, Session, open_session
from r50bench.notices import Titled
from r50bench.planning.planned import Planned
from r50bench.results.comparable import comparable
from r50bench.results.differences import differences
from r50bench.results.judged import Judged, Undisturbed, judged_figure, undisturbed_of
from r50bench.results.kpi import PRIMARY, UNDISTURBED
from r50bench.results.record import new_record_id
from r50bench.results.samples import Samples
from r50bench.results.suspects import strongest_first
from r50bench.results.timeline import mean_latency_ns, throughput, windows

__all__ = ["HEATS", "HEAT_S", "Contest", "Contested", "run_ab"]

HEATS = 5
"""Rounds of each side of a pair: an odd number, so that the median is one that was measured."""

HEAT_S = 0.5
"""Seconds of a round, where no steps are asked."""

_MS_PER_NS = 1e-6


@dataclass(frozen=True)
class Contest:
    """What is measured against what. Titles are for people; ``heat_s`` None has the case's steps.

    ``budget_s`` is for measuring; models are prepared before it begins. ``judged`` says by which
    batches: all, as experienced, round by round, or by the undisturbed ones of each process.
    """

    base: Planned
    new: Planned
    titles: tuple[str, str]
    tolerance: float
    budget_s: float
    heat_s: float | None = HEAT_S
    judged: Judged = "experienced"


@dataclass(frozen=True)
class Contested:
    """What a contest came to; ``folder`` holds the runs of both sides, in ``a`` and ``b``."""

    comparison: Comparison
    base: tuple[MeasuredRun, ...]
    new: tuple[MeasuredRun, ...]
    folder: Path


@dataclass(frozen=True)
class _Pair:
    """Both sides of one pair: the figures of their heats, and what they left."""

    figures: tuple[tuple[float, ...], tuple[float, ...]]
    outcomes: tuple[Outcome, Outcome]

    def levels(self, judged: Judged) -> tuple[float, float] | None:
        """Returns each side's figure: its median heat, or that of its undisturbed batches.

        None where a side has too few of them.
        """
        if judged == "experienced":
            return statistics.median(self.figures[0]), statistics.median(self.figures[1])
        found = [
            judged_figure(one.figures, PRIMARY[one.record.case.mode], judged)
            for one in self.outcomes
        ]
        known = [figure.value for figure in found if figure is not None]
        return (known[0], known[1]) if len(known) == len(found) else None

    def log_ratio(self, judged: Judged) -> float | None:
        """Returns the logarithm of new over base, as experienced the median over heats."""
        if judged == "experienced":
            heats = zip(*self.figures, strict=True)
            return statistics.median(math.log(new / base) for base, new in heats)
        levels = self.levels(judged)
        return None if levels is None else math.log(levels[1] / levels[0])


def run_ab(contest: Contest, bench: Bench, now: Callable[[], float] = time.monotonic) -> Contested:
    """Measures pairs until the verdict is certain or the budget is spent.

    Each pair are two fresh sets of processes, both warm at once and measured in turns, since two
    processes of one case differ by more than two rounds of one do. How many pairs the budget has
    room for is settled after the first; three are measured in any case. Where undisturbed batches
    are judged, pairs of which a side has too few count as measured and decide nothing.

    Raises:
        UsageError: the two may not be compared.
        RunFailed: one of them failed.
        Interrupted: it was, after a whole pair.
    """
    _refuse_untimed(contest)
    sides = (contest.base, contest.new)
    for side in sides:
        gather(side.case, bench, side.load)
    name = f"ab_{contest.base.case.name}"
    folder = bench.out / new_record_id(name, datetime.now(timezone.utc))
    benches = [replace(bench, out=folder / word) for word in ("a", "b")]
    began = now()
    pairs = [_measure_pair(contest, benches, 0)]
    _refuse_incomparable(pairs[0])
    pair_s = max(now() - began, 1e-9)
    more_is_better = contest.base.case.mode == "throughput"
    room = int(contest.budget_s / pair_s)
    looks = Looks(room, contest.tolerance, more_is_better=more_is_better)
    look = looks.look(_logs(pairs, contest.judged))
    try:
        while not looks.is_over(look) and len(pairs) < looks.most:
            bench.progress.note(_so_far(look, looks, len(pairs)))
            pairs.append(_measure_pair(contest, benches, len(pairs)))
            look = looks.look(_logs(pairs, contest.judged))
    except KeyboardInterrupt as interrupt:
        sides_left = shlex.join(str(one.out) for one in benches)
        raise Interrupted(
            f"interrupted after {_so_far(look, looks, len(pairs))}",
            hint=f"r50bench compare {sides_left} compares what was measured",
        ) from interrupt
    base, new = (tuple(run_left(pair.outcomes[side]) for pair in pairs) for side in (0, 1))
    return Contested(_comparison(contest, pairs, look, looks), base, new, folder)


def _refuse_untimed(contest: Contest) -> None:
    for planned in (contest.base, contest.new):
        if not isinstance(planned.load, Steps):
            raise UsageError(
                f"{planned.name} is not timed in rounds",
                hint="ab compares throughput and latency; accuracy: r50bench compare",
            )
    if contest.base.case.mode != contest.new.case.mode:
        raise UsageError("one measures throughput, the other latency", hint="give both one mode")


def _refuse_incomparable(pair: _Pair) -> None:
    why = comparable(*(outcome.record for outcome in pair.outcomes))
    if why is not None:
        raise UsageError(f"the two cannot be compared: {why}", hint="give both the same")


def _measure_pair(contest: Contest, benches: Sequence[Bench], number: int) -> _Pair:
    """Opens both sides, measures them in turns, and leaves their records; who begins alternates."""
    sides = (contest.base, contest.new)
    order = (0, 1) if number % 2 == 0 else (1, 0)
    sessions: dict[int, Session] = {}
    figures: tuple[list[float], list[float]] = ([], [])
    with ExitStack() as stack:
        for at in order:
            bench = replace(
                benches[at], progress=Titled(benches[at].progress, f"{'ab'[at]} {number + 1}")
            )
            sessions[at] = stack.enter_context(open_session(sides[at], bench))
            if contest.heat_s is not None:
                sessions[at].pace(contest.heat_s)
        for heat in range(HEATS):
            for at in order if heat % 2 == 0 else reversed(order):
                samples = sessions[at].measure_round()
                if samples is not None:
                    figures[at].append(_figure(samples, sides[at].case.mode))
    outcomes = (sessions[0].left, sessions[1].left)
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return _Pair((tuple(figures[0]), tuple(figures[1])), outcomes)


def _figure(samples: Samples, mode: str) -> float:
    """Returns a round's images/s, or its latency in ms."""
    if mode == "latency":
        return mean_latency_ns(samples).value * _MS_PER_NS
    common = windows(samples)
    assert common is not None  # a round without one has failed
    return throughput(samples, common).value


def _logs(pairs: Sequence[_Pair], judged: Judged) -> list[float]:
    found = (pair.log_ratio(judged) for pair in pairs)
    return [one for one in found if one is not None]


def _so_far(look: Look, looks: Looks, measured: int) -> str:
    said = f"pair {measured} of at most {looks.most}: ratio {look.ratio.value:.4f}"
    if look.pairs < measured:
        said = f"pair {measured} of at most {looks.most}, {look.pairs} with enough undisturbed"
        said += f" batches: ratio {look.ratio.value:.4f}" if look.pairs else " batches"
    if look.ratio.low is not None and look.ratio.high is not None:
        said += f", {look.ratio.low:.4f} to {look.ratio.high:.4f}"
    return said


def _comparison(contest: Contest, pairs: Sequence[_Pair], look: Look, looks: Looks) -> Comparison:
    basis: Basis = "pairs"
    judged = contest.judged
    if look.pairs < FIRST_LOOK:
        basis, judged = "disturbed", "experienced"
        look = replace(looks.look(_logs(pairs, judged)), verdict="too noisy")
    needed = None
    if basis == "pairs" and look.verdict == "too noisy":
        needed = looks.pairs_needed(_logs(pairs, judged))
    levels = [found for pair in pairs if (found := pair.levels(judged)) is not None]
    base, new = (tuple(both[side] for both in levels) for side in (0, 1))
    figure = pairs[0].outcomes[0].figures[PRIMARY[contest.base.case.mode]]
    names = dict.fromkeys(planned.name for planned in (contest.base, contest.new))
    case = CaseComparison(
        label=" → ".join(names),
        figure=figure.name if judged == "experienced" else UNDISTURBED[figure.name],
        unit=figure.unit,
        base=statistics.geometric_mean(base),
        new=statistics.geometric_mean(new),
        processes=(len(base), len(new)),
        values=(base, new),
        ratio=look.ratio,
        basis=basis,
        verdict=look.verdict,
        processes_needed=needed,
        differing=strongest_first(differences(*(one.record for one in pairs[0].outcomes))),
        judged=judged,
        undisturbed=(_undisturbed(pairs, 0), _undisturbed(pairs, 1)),
    )
    return Comparison(*contest.titles, contest.tolerance, (case,), judged=contest.judged)


def _undisturbed(pairs: Sequence[_Pair], side: int) -> Undisturbed:
    outcomes = [pair.outcomes[side] for pair in pairs]
    mode = outcomes[0].record.case.mode
    return undisturbed_of([one.figures for one in outcomes], PRIMARY[mode])
