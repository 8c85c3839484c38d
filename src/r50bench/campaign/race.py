"""Which of several configurations is best, from rounds measured in turn; arithmetic only.

Configurations are measured in *heats*: one round of each, one right after the other. Whatever slows
the machine for a while strikes a whole heat alike, so a heat's level is estimated with the figures:

    log figure = configuration + heat + noise

by least squares, as in an incomplete block design. What follows from it are ratios between
configurations, also between two that never met but in heats with a third.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["Race"]

# Before anything is known, rounds are taken to scatter by 2 %, as if that had been seen in four
# rounds beyond those that fix the figures. Never less than 0.3 %: rounds may agree by chance.
_PRIOR_SCATTER, _PRIOR_FREEDOM, _LEAST_SCATTER = 0.02, 4, 0.003

_DRAWS = 4000

Name = TypeVar("Name", bound=Hashable)
Floats = npt.NDArray[np.float64]


class Race(Generic[Name]):
    """Heats so far; figures are rates or times above 0, names tell configurations apart."""

    def __init__(self) -> None:
        self._names: list[Name] = []
        self._rows: list[tuple[int, int, float]] = []
        self._heats = 0

    def add(self, heat: Mapping[Name, float]) -> None:
        """Takes the figures of one heat."""
        for name, value in heat.items():
            if name not in self._names:
                self._names.append(name)
            self._rows.append((self._heats, self._names.index(name), math.log(value)))
        self._heats += 1

    def rounds(self, name: Name) -> int:
        """Returns how many rounds of a configuration there are."""
        if name not in self._names:
            return 0
        at = self._names.index(name)
        return sum(row[1] == at for row in self._rows)

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
        design = np.zeros((len(values), count + self._heats))
        design[np.arange(len(values)), names] = 1
        design[np.arange(len(values)), count + heats] = 1
        # The sum of configurations and heats has a free level, which the pseudo-inverse sets.
        inverse = np.linalg.pinv(design.T @ design)
        solution = inverse @ design.T @ values
        residual = values - design @ solution
        freedom = len(values) - (count + self._heats - 1)
        variance = (float(residual @ residual) + _PRIOR_FREEDOM * _PRIOR_SCATTER**2) / (
            freedom + _PRIOR_FREEDOM
        )
        variance = max(variance, _LEAST_SCATTER**2)
        covariance = inverse[:count, :count] * variance
        return solution[:count], covariance, float(freedom + _PRIOR_FREEDOM)
