"""Series: the runs that asked the same question on one host, in the order of time."""

from __future__ import annotations

import math
import statistics
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np

from r50bench.case import Case
from r50bench.results.comparable import question_of
from r50bench.results.history import HistoryEntry
from r50bench.results.record import DataInfo, EngineInfo, LoadgenResult, ModelInfo
from r50bench.results.stats import Estimate, Floats, geometric_mean

__all__ = ["HistoryRun", "Point", "RunFacts", "Series", "run_of", "series_of"]


@dataclass(frozen=True)
class HostFacts:
    """What tells hosts apart; None where the record does not know it."""

    model_name: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class RunFacts:
    """What the history keeps of a record, see :meth:`r50bench.results.history.History.entries`."""

    name: str
    status: str
    reason: str | None
    case: Case
    model: ModelInfo | None
    data: DataInfo | None
    engine: EngineInfo | None
    loadgen: LoadgenResult | None
    host: HostFacts
    invocation: str | None = None


_DECODER = msgspec.json.Decoder(RunFacts)


@dataclass(frozen=True)
class HistoryRun:
    """One run of the history; ``facts`` is None where its record is gone since an old version.

    ``value`` (with ``low`` and ``high``, its 95 % interval where known) is the primary figure in
    ``unit``, None for a run that is invalid.
    """

    id: str
    created: str
    folder: Path
    unit: str
    value: float | None
    low: float | None
    high: float | None
    imported: bool
    facts: RunFacts | None

    @property
    def host(self) -> Hashable:
        """What tells its host from others: the fingerprint, and the CPU, since images are cloned.

        Without a fingerprint it is also whether it came from elsewhere: what was imported is then
        never taken for a run of this host.
        """
        assert self.facts is not None
        host = self.facts.host
        return (host.model_name, host.fingerprint or self.imported)


def run_of(entry: HistoryEntry) -> HistoryRun:
    """Returns the run of an entry that was read with its facts.

    Raises:
        ValueError: these are not of a record's shape.
    """
    unit, value = entry.primary or ("", None)
    low, high = entry.interval or (None, None)
    try:
        facts = None if entry.facts is None else _DECODER.decode(entry.facts)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return HistoryRun(
        entry.id, entry.created, entry.folder, unit, value, low, high, entry.imported, facts
    )


@dataclass(frozen=True)
class Point:
    """Runs that count as one in a series, oldest first: those of one call, or a run by itself.

    Processes that one call starts meet the same state of the machine. Taken one by one they would
    testify five times for what happened once.
    """

    runs: tuple[HistoryRun, ...]

    @cached_property
    def value(self) -> float:
        """The geometric mean of its figures, which are above 0."""
        values = [run.value for run in self.runs if run.value]
        # Logarithms would give equal figures another last digit than they have.
        return values[0] if len({*values}) == 1 else statistics.geometric_mean(values)

    @property
    def estimate(self) -> Estimate:
        """:attr:`value` with its 95 % interval, where there are several figures."""
        return geometric_mean(np.log([run.value for run in self.runs if run.value]))


@dataclass(frozen=True)
class Series:
    """Runs with a figure above 0, oldest first; at least one."""

    runs: tuple[HistoryRun, ...]

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """The runs, those of one call together, in the order in which they began."""
        found: dict[str, list[HistoryRun]] = {}
        for run in self.runs:
            assert run.facts is not None
            found.setdefault(run.facts.invocation or run.id, []).append(run)
        return tuple(Point(tuple(runs)) for runs in found.values())

    @property
    def newest(self) -> HistoryRun:
        return self.runs[-1]

    @property
    def unit(self) -> str:
        return self.newest.unit

    @property
    def lower_is_better(self) -> bool:
        return self.unit in ("ms", "ns")

    @cached_property
    def figures(self) -> Floats:
        """(points,): the primary figures, in :attr:`unit`."""
        return np.array([point.value for point in self.points], np.float64)

    @property
    def spread(self) -> float | None:
        """The standard deviation from one point to the next, as a share of the figure.

        From the steps between neighbours (von Neumann's mean square successive difference), which a
        change of level moves once. None for a single point.
        """
        steps = np.diff(np.log(self.figures))
        return math.sqrt(float(np.mean(steps**2)) / 2) if len(steps) else None


def series_of(runs: Iterable[HistoryRun]) -> list[Series]:
    """Returns the series of ``runs``, given in any order; the one that ran last comes first.

    Runs without a figure belong to none.
    """
    found: dict[Hashable, list[HistoryRun]] = {}
    for key, run in _with_keys(runs):
        found.setdefault(key, []).append(run)
    series = [Series(tuple(sorted(part, key=_by_time))) for part in found.values()]
    return sorted(series, key=lambda one: _by_time(one.newest), reverse=True)


def _with_keys(runs: Iterable[HistoryRun]) -> Iterator[tuple[Hashable, HistoryRun]]:
    for run in runs:
        if run.facts is None or not run.value or run.value < 0 or run.facts.status != "valid":
            continue
        question = question_of(run.facts)
        if question is not None:
            yield (question, run.host, run.unit), run


def _by_time(run: HistoryRun) -> tuple[str, str]:
    return run.created, run.id
