"""The search for the best configuration: few and short trials, more rounds for the leaders.

First each number of cores per instance is a line of batch sizes, climbed from the best known one in
both directions until it falls; then engine, allocator and weight sharing are varied around the
leader; then the leaders race until one of them is, as likely as is wanted, within 2 % of the best.
What is unlikely to be more than 2 % better than the leader is not measured again: either would do.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from r50bench.case import Case
from r50bench.errors import CheckFailed
from r50bench.results.kpi import Kpi
from r50bench.results.processes import log_error
from r50bench.tune.field import MARGIN, Field, Figures, Rig, Standing
from r50bench.tune.objective import Objective
from r50bench.tune.race import draws_of
from r50bench.tune.space import Configuration, Space
from r50bench.wording import counted

__all__ = ["WANTED_CONFIDENCE", "Tried", "Tuner", "Verdict", "describe"]

WANTED_CONFIDENCE = 0.975
"""From this probability on of being within the margin, a winner is taken to be one."""

_SCREENING_SHARE = 0.7  # of the budget; the rest is for the race of the leaders
_SCREENING_HEATS, _MOST_SCREENING_HEATS = 2, 5  # one could not tell scatter from difference
_AGREEMENT = 0.06  # how far the nearest two ratios of such heats may lie apart
_MOST_OPEN = 4
_LEAST_ROUNDS = 3  # of the winner: from there on its record has an interval from its rounds
_MOST_HEATS = 40
_UNLIKELY = 0.025  # to be more than the margin better than the leader: not worth another round
_HOPELESS = 0.001  # as unlikely as to be closed
_FALLING = 0.1  # probability below which a batch size is taken to be worse than the line's best
_HARDLY = 0.05  # probability below which a latency is taken to break its bound
_CLIFF = math.log(0.85)  # beyond it, a line of batch sizes does not rise again
_FAR_BEHIND = math.log(0.7)  # a line that begins so far behind the leader is not climbed


@dataclass(frozen=True)
class Tried:
    """One configuration: how many rounds, its mean figures, and how it compares to the winner.

    ``ratio`` is above 1 where it reached more of the goal, with the ends of its 95 % interval.
    """

    configuration: Configuration
    rounds: int
    throughput: float
    latency_ns: Mapping[str, float]
    ratio: tuple[float, float, float]


@dataclass(frozen=True)
class Verdict:
    """What a search came to.

    ``confidence`` is the probability that the winner is within :data:`.MARGIN` of the best that was
    tried; ``over_start`` how many times the goal of ``start`` it reaches, the space's untuned
    configuration, with the ends of the 95 % interval, None where that failed. ``left_out`` and
    ``failed`` say why.
    """

    start: Configuration
    winner: Configuration
    confidence: float
    over_start: tuple[float, float, float] | None
    tried: tuple[Tried, ...]
    left_out: Mapping[Configuration, str]
    failed: Mapping[Configuration, str]


class Tuner:
    """One search; ``tell`` is given each configuration and its first round."""

    def __init__(
        self,
        space: Space,
        bench: Rig,
        objective: Objective,
        budget_s: float,
        tell: Callable[[Configuration, Figures], None] = lambda *_: None,
    ) -> None:
        self._space = space
        self._bench = bench
        self._objective = objective
        self._field = Field(bench, objective)
        self._tell = tell
        self._left_out: dict[Configuration, str] = {}
        self._began = bench.now()
        self._budget_s = budget_s

    def run(self) -> Verdict:
        """Searches until the winner is certain enough or the budget is spent.

        Whatever else is left out, one configuration is measured.

        Raises:
            CheckFailed: no configuration keeps the objective's bound.
            R50BenchError: none could be measured; the first one's error.
        """
        self._begin()
        cores = self._leader.cores_per_instance
        for size in sorted(self._space.cores, key=lambda one: (one != cores, one)):
            self._climb(size)
        for _ in range(2):  # one change of the recipe, then a second one beside it
            for variant in self._space.variants(self._leader):
                self._try(variant)
        # Compiling may have turned out to take less time than was thought.
        for one in list(self._left_out):
            self._try(one)
        self._race()
        return self._verdict(self._field.standing(), self._field.open)

    def judged_by(self, figures: Mapping[Configuration, Kpi]) -> Verdict:
        """Returns the verdict on what was tried by one figure of each in place of its rounds.

        Bounds stay those of the rounds.

        Raises:
            CheckFailed: no configuration keeps the objective's bound.
        """
        better = 1 if self._objective.goal == "throughput" else -1
        logs = {
            one: (better * math.log(figure.value), log_error(figure))
            for one, figure in figures.items()
        }
        return self._verdict(self._field.standing().judged_by(draws_of(logs)), list(figures))

    @property
    def _leader(self) -> Configuration:
        if not self._field.open:
            raise next(iter(self._field.failed.values()))
        return self._field.standing().leader(self._field.open)

    def _begin(self) -> None:
        start = self._space.start
        rest = (one for one in self._space.all() if one != start)
        for one in itertools.chain([start] if self._space.possible(start) else [], rest):
            if self._field.enter(one):
                self._field.heat()
                if self._field.open:
                    self._tell(one, self._field.figures[one][0])
                    return
        raise next(iter(self._field.failed.values()))

    def _at(self, batch: int, cores: int) -> Configuration:
        return replace(self._space.start, batch_size=batch, cores_per_instance=cores)

    def _climb(self, cores: int) -> None:
        """Tries batch sizes outward from the leader's, in each direction until they fall."""
        batches = self._space.batches
        leader = self._leader
        middle = min(
            range(len(batches)), key=lambda at: abs(math.log(batches[at] / leader.batch_size))
        )
        line = [self._at(batch, cores) for batch in batches]
        first = line[middle]
        if self._try(first) and self._field.standing().difference(first, leader) < _FAR_BEHIND:
            return
        for upwards in (True, False):
            falls = 0
            for one in line[middle + 1 :] if upwards else reversed(line[:middle]):
                if falls < 2 and self._try(one):
                    falls = self._falls(one, line, falls, upwards=upwards)

    def _falls(
        self, one: Configuration, line: list[Configuration], before: int, *, upwards: bool
    ) -> int:
        """Returns how many sizes in a row are behind the line's best; 2 ends a direction."""
        standing = self._field.standing()
        best = standing.leader([other for other in line if other in self._field.figures])
        if standing.keeps_bound(one) < _HARDLY:
            return 2 if upwards else 0  # larger batches take longer, smaller ones may keep it
        if one == best or standing.chance(one, best) >= _FALLING:
            return 0
        return 2 if standing.difference(one, best) < _CLIFF else before + 1

    def _try(self, one: Configuration) -> bool:
        """Measures ``one`` beside the leader if it is new; returns whether it has figures."""
        if one in self._field.figures:
            return True
        if one in self._field.failed or not self._space.possible(one):
            return False
        leader = self._leader
        needed = (
            self._bench.expected_s(one) + self._field.expected_heat_s([leader]) * _SCREENING_HEATS
        )
        if self._spent + needed > _SCREENING_SHARE * self._budget_s:
            self._left_out[one] = (
                "its model is not compiled" if self._bench.compiles(one) else "no time was left"
            )
            return False
        self._left_out.pop(one, None)
        if not self._field.enter(one):
            return False
        if not self._screen(one, leader):
            return False
        self._tell(one, self._field.figures[one][0])
        self._make_room()
        return True

    def _screen(self, one: Configuration, leader: Configuration) -> bool:
        """Measures ``one`` beside the leader, more often where the rounds do not agree."""
        ratios: list[float] = []
        for number in range(_MOST_SCREENING_HEATS):
            if number >= _SCREENING_HEATS and _agree(ratios):
                break
            found = self._field.heat([leader, one])
            if one not in found or leader not in found:
                break
            ratios.append(found[one] / found[leader])
        return one in self._field.figures

    @property
    def _spent(self) -> float:
        return self._bench.now() - self._began

    def _make_room(self) -> None:
        """Closes what has no chance, and the last of more than a few."""
        standing = self._field.standing()
        leader = standing.leader(self._field.open)
        for one in [other for other in self._field.open if other != leader]:
            if standing.chance(one, leader, MARGIN) < _HOPELESS:
                self._field.drop(one)
        while len(self._field.open) > _MOST_OPEN:
            others = [one for one in self._field.open if one != leader]
            self._field.drop(min(others, key=lambda one: standing.difference(one, leader)))

    def _race(self) -> None:
        """Measures the leaders in turn until one is certain enough, or the budget is spent."""
        for _ in range(_MOST_HEATS):
            standing = self._field.standing()
            leader = standing.leader(self._field.open)
            if standing.keeps_bound(leader) < _HARDLY:
                return
            enough = len(self._field.figures[leader]) >= _LEAST_ROUNDS
            if enough and standing.confidence(leader) >= WANTED_CONFIDENCE:
                return
            starters = [leader, *self._rivals(leader, standing)]
            if enough and len(starters) == 1:
                return
            if self._spent + self._field.expected_heat_s(starters) > self._budget_s:
                return
            self._field.heat(starters)

    def _rivals(self, leader: Configuration, standing: Standing) -> list[Configuration]:
        """Returns the open ones that may still beat the leader, at least the likeliest one.

        The likeliest of all is opened again where it was closed, if there is time.
        """
        chances = {
            one: standing.chance(one, leader, MARGIN)
            for one in self._field.figures
            if one != leader
        }
        others = sorted(chances, key=lambda one: -chances[one])
        alone = len(self._field.open) == 1
        if (
            others
            and others[0] not in self._field.open
            and (alone or chances[others[0]] >= _UNLIKELY)
        ):
            needed = self._bench.expected_s(others[0]) + self._field.expected_heat_s([leader])
            if self._spent + needed <= self._budget_s:
                self._field.enter(others[0])
        present = [one for one in others if one in self._field.open]
        likely = [one for one in present if chances[one] >= _UNLIKELY]
        return likely or present[:1]

    def _verdict(self, standing: Standing, among: Sequence[Configuration]) -> Verdict:
        winner = standing.leader(among)
        if standing.keeps_bound(winner) < 0.5:
            raise CheckFailed(
                f"no configuration keeps {self._objective}: {describe(winner)} comes nearest",
                hint="a wider bound, or fewer pictures in a batch",
            )
        start = self._space.start
        return Verdict(
            start=start,
            winner=winner,
            confidence=standing.confidence(winner),
            over_start=standing.ratio(winner, start) if start in self._field.figures else None,
            tried=tuple(
                Tried(
                    configuration=one,
                    rounds=len(figures),
                    throughput=_mean([round_.throughput for round_ in figures]),
                    latency_ns={
                        name: _mean([round_.latency_ns[name] for round_ in figures])
                        for name in figures[0].latency_ns
                    },
                    ratio=standing.ratio(one, winner),
                )
                for one, figures in self._field.figures.items()
            ),
            left_out=self._left_out,
            failed={one: error.message for one, error in self._field.failed.items()},
        )


def describe(configuration: Configuration) -> str:
    """Returns ``batch 8 on 2 cores``, with what else is not the usual."""
    cores = configuration.cores_per_instance
    parts = [f"batch {configuration.batch_size} on {counted(cores, 'core')}"]
    if configuration.allocator != "auto":
        parts.append(f"{configuration.allocator} allocator")
    if configuration.weight_sharing:
        parts.append("shared weights")
    if configuration.engine != Case.engine:
        parts.append(configuration.engine)
    return ", ".join(parts)


def _agree(ratios: list[float]) -> bool:
    """Says whether the heats' ratios tell what is usual: the two nearest are near one another."""
    ordered = sorted(ratios)
    return any(high / low < 1 + _AGREEMENT for low, high in itertools.pairwise(ordered))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
