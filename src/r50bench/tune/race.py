"""Which of several configurations is best, from rounds measured in turn; arithmetic only.

Configurations are measured in *heats*: one round of each, one right after the other. Whatever slows
the machine for a while strikes a whole heat alike, so a heat's level is estimated with the figures:

    log figure = configuration + heat + noise

by least squares, as in an incomplete block design, rounds that stick out counting for little. What
follows from it are ratios between configurations, also between two that never met but in heats with
a third.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["Race", "draws_of"]

# Before anything is known, rounds are taken to scatter by 3 %, as if that had been seen in four
# rounds beyond those that fix the figures. Never less than 0.3 %: rounds may agree by chance.
_PRIOR_SCATTER, _PRIOR_FREEDOM, _LEAST_SCATTER = 0.03, 4, 0.003

_ABSOLUTE_STEPS, _BISQUARE_STEPS = 15, 5
_LEAST_WEIGHT, _RIDGE = 1e-4, 1e-9
_DRAWS = 2000

Name = TypeVar("Name", bound=Hashable)
Floats = npt.NDArray[np.float64]


class Race(Generic[Name]):
    """Heats so far; figures are rates or times above 0, names tell configurations apart."""

    def __init__(self) -> None:
        self._names: list[Name] = []
        self._rows: list[tuple[int, int, float]] = []
        self._heats = 0

    def add(self, heat: Mapping[Name, float]) -> None:
        for name, value in heat.items():
            if name not in self._names:
                self._names.append(name)
            self._rows.append((self._heats, self._names.index(name), math.log(value)))
        self._heats += 1

    def draws(self, seed: int = 0) -> dict[Name, Floats]:
        """Returns plausible logarithms of all configurations' figures: arrays of equal length.

        Entry k of all arrays together is one state of affairs that fits the rounds seen, Student's
        t about the least-squares figures; only differences within one k mean anything.
        """
        mean, covariance, freedom = self._fit()
        random = np.random.default_rng(seed)
        shocks = random.standard_normal((_DRAWS, len(mean)))
        values, vectors = np.linalg.eigh(covariance)
        spread = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        scale = np.sqrt(freedom / random.chisquare(freedom, size=_DRAWS))
        drawn = mean + (shocks @ spread) * scale[:, None]
        return {name: drawn[:, at] for at, name in enumerate(self._names)}

    def _fit(self) -> tuple[Floats, Floats, float]:
        """Returns figures, their covariance, and the degrees of freedom of the scatter."""
        heats, names, values = (np.array(column) for column in zip(*self._rows, strict=True))
        count = len(self._names)
        # Configurations and heats together have a free level: the first heat's is 0.
        design = np.zeros((len(values), count + self._heats))
        design[np.arange(len(values)), names] = 1
        design[np.arange(len(values)), count + heats] = 1
        design = np.delete(design, count, axis=1)
        weights = _robust_weights(design, values)
        inverse = np.asarray(np.linalg.inv(_normal(design, weights)), np.float64)
        solution = inverse @ (design.T * weights) @ values
        residual = values - design @ solution
        freedom = max(float(np.sum(weights)) - (count + self._heats - 1), 0.0)
        square = float(np.sum(weights * residual**2)) + _PRIOR_FREEDOM * _PRIOR_SCATTER**2
        variance = max(square / (freedom + _PRIOR_FREEDOM), _LEAST_SCATTER**2)
        covariance = np.asarray(inverse[:count, :count] * variance)
        return np.asarray(solution[:count]), covariance, freedom + _PRIOR_FREEDOM


def draws_of(logs: Mapping[Name, tuple[float, float | None]], seed: int = 0) -> dict[Name, Floats]:
    """Returns as :meth:`Race.draws` does what fits figures that are known by themselves.

    ``logs`` are their logarithms, each with its standard error; None where that is not known.
    """
    random = np.random.default_rng(seed)
    return {
        name: log + (_PRIOR_SCATTER if error is None else error) * random.standard_normal(_DRAWS)
        for name, (log, error) in logs.items()
    }


def _robust_weights(design: Floats, values: Floats) -> Floats:
    """Returns a weight for each round, near 0 for one that something else has disturbed.

    A neighbour on the same physical core can halve a round, which no least squares forgives. Least
    absolute deviations find the many that agree; Tukey's bisquare about them, with its usual 4.685
    scatters, leaves 95 % of the efficiency where nothing is wrong (Maronna, Martin and Yohai,
    *Robust Statistics*, 2.3).
    """
    weights = np.ones(len(values))
    for _ in range(_ABSOLUTE_STEPS):
        residual = _residual(design, values, weights)
        weights = 1 / np.maximum(residual, _LEAST_SCATTER)
    for _ in range(_BISQUARE_STEPS):
        residual = _residual(design, values, weights)
        scatter = max(1.4826 * float(np.median(residual)), _PRIOR_SCATTER)
        share = np.minimum(residual / (4.685 * scatter), 1)
        weights = np.maximum((1 - share**2) ** 2, _LEAST_WEIGHT)
    return weights


def _residual(design: Floats, values: Floats, weights: Floats) -> Floats:
    solution = np.linalg.solve(_normal(design, weights), (design.T * weights) @ values)
    return np.asarray(np.abs(values - design @ solution))


def _normal(design: Floats, weights: Floats) -> Floats:
    """Returns the normal matrix, with a trace of a ridge for what never met."""
    matrix = (design.T * weights) @ design
    return np.asarray(matrix + _RIDGE * np.eye(len(matrix)))
