"""Processes without end that scatter as measured ones did.

A process's figure is made of two parts. Where it lies beside the mean of all is drawn from the
measured runs, whatever shape their distribution has (two states of a core give two heaps); since a
measured run also holds the noise of its own window, its deviation is first shrunk by the share of
the variance which that explains. Then the noise within the process is added, normal, with the
standard error that the drawn run had of itself. So the variance is the measured one, no two
processes are alike, and each has an interval as wide as that of a real run.

What is not in it: neighbours in time that resemble each other. Real runs do; what compares sides
that were measured one after the other meets that, and a simulation of independent processes does
not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from r50bench.comparison.side import MeasuredRun
from r50bench.results.processes import log_error
from r50bench.results.record import Record
from r50bench.results.stats import Floats

_NORMAL_95 = 1.959964
_numbers = itertools.count()


@dataclass(frozen=True)
class Scatter:
    """How processes lie about ``mean``: ``between`` and ``within`` are pairs, on logarithms.

    (runs,) each: where a run lies without the noise of its own window, and the standard error of
    that noise. ``example`` is a run, whose record all simulated ones have.
    """

    mean: float
    between: Floats
    within: Floats
    example: MeasuredRun

    @classmethod
    def of(cls, runs: Sequence[MeasuredRun]) -> Scatter:
        """Returns the scatter of measured runs, all of which have intervals.

        Raises:
            ValueError: one has none.
        """
        logs = np.log([run.primary.value for run in runs])
        errors = [log_error(run.primary) for run in runs]
        known = [error for error in errors if error is not None]
        if len(known) < len(errors):
            raise ValueError("a run without an interval tells nothing of the noise within it")
        within = np.array(known)
        # The interval of a run is heavy-tailed where it has few segments: one that is far too wide
        # must not shrink all others to nothing.
        noise = float(np.median(within**2))
        share = max(0.0, 1 - noise / float(np.var(logs, ddof=1)))
        between = (logs - np.mean(logs)) * math.sqrt(share)
        return cls(math.exp(float(np.mean(logs))), between, within, runs[0])

    def processes(
        self, chance: np.random.Generator, count: int, ratio: float = 1.0
    ) -> list[MeasuredRun]:
        """Returns fresh processes whose true mean is ``ratio`` times that of the measured ones."""
        drawn = chance.integers(len(self.between), size=count)
        noise = chance.normal(size=count) * self.within[drawn]
        values = self.mean * ratio * np.exp(self.between[drawn] + noise)
        return [
            self._process(float(value), float(error))
            for value, error in zip(values, self.within[drawn], strict=True)
        ]

    def _process(self, value: float, error: float) -> MeasuredRun:
        half = math.exp(_NORMAL_95 * error)
        figure = replace(self.example.primary, value=value, low=value / half, high=value * half)
        record: Record = replace(self.example.record, id=f"simulated-{next(_numbers)}")
        return MeasuredRun(record, (figure,))
