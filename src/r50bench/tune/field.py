"""The configurations in a search: opened, measured in heats, compared, and dropped."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from r50bench.errors import R50BenchError
from r50bench.tune.objective import Objective
from r50bench.tune.race import Floats, Race
from r50bench.tune.space import Configuration

__all__ = ["MARGIN", "Field", "Figures", "Rig", "Standing"]

MARGIN = 0.02
"""How far from the best the winner may be."""

# Neighbours on the same physical cores halve a figure for seconds; no configuration does so to
# itself from one round to the next.
_DISTURBED, _RETRIES = 0.8, 5

# A latency is taken to scatter by 2 % before its own rounds say so, as if seen in four rounds.
_PRIOR_SCATTER, _PRIOR_FREEDOM = 0.02, 4


@dataclass(frozen=True)
class Figures:
    """What one round gave: images/s, and latencies in ns by the names of ``LATENCIES``."""

    throughput: float
    latency_ns: Mapping[str, float]


class Rig(Protocol):
    """Where configurations are measured. Several may be open at once; one is measured at a time."""

    def now(self) -> float:
        """Returns seconds on a clock that never goes back; only differences mean anything."""

    def expected_s(self, configuration: Configuration) -> float:
        """Returns how long opening and the first round will take, compiling included."""

    def compiles(self, configuration: Configuration) -> bool:
        """Whether a model would have to be compiled first."""

    def open(self, configuration: Configuration) -> None:
        """Loads and warms up a configuration.

        Raises:
            R50BenchError: it cannot be; nothing is open then.
        """

    def measure(self, configuration: Configuration) -> Figures:
        """Measures one round of an open configuration.

        Raises:
            RunFailed: it failed, and is not open any more.
        """

    def close(self, configuration: Configuration) -> None:
        """Ends an open configuration."""


class Standing:
    """How the configurations stand to one another, as plausible states of affairs.

    ``worth`` holds an array for each configuration: entry k is the logarithm of its figure in state
    k (of the reciprocal where less is better), -inf where it breaks the objective's bound there:
    where ``excess``, the logarithm of its latency over the bound, is above 0.
    """

    def __init__(
        self, worth: Mapping[Configuration, Floats], excess: Mapping[Configuration, Floats]
    ) -> None:
        self._free = worth
        self._excess = excess
        self.worth = {
            one: np.where(excess[one] <= 0, values, -np.inf) for one, values in worth.items()
        }

    def judged_by(self, worth: Mapping[Configuration, Floats]) -> Standing:
        """Returns how they stand by other figures than their rounds', under the same bounds."""
        return Standing(worth, self._excess)

    def leader(self, among: Sequence[Configuration]) -> Configuration:
        """Returns the best that surely keeps the bound, that likely does, or comes nearest."""

        def rank(one: Configuration) -> tuple[int, float]:
            kept = self.keeps_bound(one)
            tier = (kept >= 0.95) + (kept >= 0.5)
            return tier, float(np.mean(self._free[one] if tier else -self._excess[one]))

        return max(among, key=rank)

    def keeps_bound(self, one: Configuration) -> float:
        """Returns the probability that a configuration keeps the objective's bound."""
        return float(np.mean(self._excess[one] <= 0))

    def chance(self, one: Configuration, over: Configuration, margin: float = 0.0) -> float:
        """Returns the probability that ``one`` is better than ``over`` by more than ``margin``."""
        with np.errstate(invalid="ignore"):
            return float(np.mean(self.worth[one] > self.worth[over] + math.log1p(margin)))

    def confidence(self, winner: Configuration) -> float:
        """Returns the probability that the winner is within :data:`MARGIN` of the best."""
        best = np.max(list(self.worth.values()), axis=0)
        own = self.worth[winner]
        return float(np.mean(np.isfinite(own) & (own >= best + math.log1p(-MARGIN))))

    def difference(self, one: Configuration, over: Configuration) -> float:
        """Returns the logarithm of how much better ``one`` is, bound or not."""
        return float(np.mean(self._free[one] - self._free[over]))

    def ratio(self, one: Configuration, over: Configuration) -> tuple[float, float, float]:
        """Returns by what factor ``one`` is better, and the ends of the 95 % interval."""
        low, high = np.quantile(self._free[one] - self._free[over], [0.025, 0.975])
        return math.exp(self.difference(one, over)), math.exp(low), math.exp(high)


class Field:
    """The configurations tried so far. ``open`` are those that can be measured now."""

    def __init__(self, bench: Rig, objective: Objective) -> None:
        self.open: list[Configuration] = []
        self.figures: dict[Configuration, list[Figures]] = {}
        self.failed: dict[Configuration, R50BenchError] = {}
        self._bench = bench
        self._objective = objective
        self._race: Race[Configuration] = Race()
        self._round_s: dict[Configuration, float] = {}
        self._usual: dict[Configuration, list[float]] = {}
        self._backwards = False
        self._standing: Standing | None = None

    def enter(self, configuration: Configuration) -> bool:
        """Opens a configuration; returns False, and keeps the error, where that fails."""
        try:
            self._bench.open(configuration)
        except R50BenchError as error:
            self.failed[configuration] = error
            return False
        self.open.append(configuration)
        return True

    def drop(self, configuration: Configuration) -> None:
        """Closes a configuration; its figures stay."""
        self.open.remove(configuration)
        self._bench.close(configuration)

    def heat(self, some: Sequence[Configuration] | None = None) -> dict[Configuration, float]:
        """Measures one round of each open configuration, or of ``some``; returns what they reached.

        Every other heat goes backwards, so that nobody is always measured after the same one. A
        heat in which something else has slowed anyone is measured again, a few times at most.
        """
        order = list(self.open if some is None else some)
        if self._backwards:
            order.reverse()
        self._backwards = not self._backwards
        found = self._measure(order)
        for _ in range(_RETRIES):
            if not self._disturbed(found):
                break
            found = self._measure([one for one in order if one in found])
        else:
            self._usual.clear()  # it is no passing disturbance: this is what is usual now
        goals = {one: self._goal(figures) for one, figures in found.items()}
        for one, figures in found.items():
            self.figures.setdefault(one, []).append(figures)
            self._usual.setdefault(one, []).append(goals[one])
        if goals:
            self._race.add(goals)
        self._standing = None
        return goals

    def _measure(self, order: Sequence[Configuration]) -> dict[Configuration, Figures]:
        found: dict[Configuration, Figures] = {}
        for one in order:
            began = self._bench.now()
            try:
                found[one] = self._bench.measure(one)
            except R50BenchError as error:
                self.failed[one] = error
                self.open.remove(one)
                self.figures.pop(one, None)
            else:
                self._round_s[one] = self._bench.now() - began
        return found

    def _disturbed(self, found: Mapping[Configuration, Figures]) -> bool:
        """Says whether anyone is so far below its own usual figure that something else did it."""
        return any(
            self._goal(figures) < _DISTURBED * statistics.median(self._usual[one])
            for one, figures in found.items()
            if self._usual.get(one)
        )

    def expected_heat_s(self, some: Sequence[Configuration] | None = None) -> float:
        return sum(self._round_s[one] for one in (self.open if some is None else some))

    def standing(self) -> Standing:
        """Returns how those that have figures stand to one another."""
        if self._standing is None:
            drawn = self._race.draws()
            worth = {one: drawn[one] for one in self.figures}
            count = len(next(iter(worth.values())))
            self._standing = Standing(worth, {one: self._excess(one, count) for one in worth})
        return self._standing

    def _goal(self, figures: Figures) -> float:
        if self._objective.goal == "throughput":
            return figures.throughput
        return 1e9 / figures.latency_ns["latency"]

    def _excess(self, one: Configuration, count: int) -> Floats:
        """Returns the logarithm of latency over bound in as many states; -1 without a bound."""
        if not self._objective.bounded:
            return np.full(count, -1.0)
        seen = np.log([f.latency_ns[self._objective.bounded] for f in self.figures[one]])
        freedom = len(seen) - 1 + _PRIOR_FREEDOM
        square = float(np.sum((seen - seen.mean()) ** 2)) + _PRIOR_FREEDOM * _PRIOR_SCATTER**2
        error = math.sqrt(square / freedom / len(seen))
        drawn = seen.mean() + error * np.random.default_rng(1).standard_t(freedom, count)
        return np.asarray(drawn - math.log(self._objective.bound_ns))
