"""What a sweep has found: the figures of each point over its passes, the best ones, the front."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from r50bench.results.kpi import LATENCY, PRIMARY, THROUGHPUT, Kpi, figures_by_name
from r50bench.results.record import Record
from r50bench.results.samples import Samples
from r50bench.results.stats import LEAST_ROUNDS
from r50bench.sweep.pareto import pareto_front
from r50bench.sweep.plan import SweepPoint

__all__ = [
    "Best",
    "PointResult",
    "Run",
    "best",
    "front",
    "near_front",
    "point_result",
]

Run = tuple[Record, "Samples | None", Path]
"""A valid record, its samples (None in accuracy mode) and its folder."""


@dataclass(frozen=True)
class PointResult:
    """One point and what is known of it: figures by name over ``runs`` passes, or why none is.

    ``reason`` is None where there are figures, and where the point's turn has not come
    (``runs`` is 0 then). ``record`` is that of the first pass.
    """

    point: SweepPoint
    figures: Mapping[str, Kpi] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    record: Record | None = None
    reason: str | None = None

    @property
    def runs(self) -> int:
        """How many passes the figures are from."""
        return len(self.folders)

    @property
    def primary(self) -> Kpi | None:
        """The primary figure of the mode; None without any figure."""
        case = self.point.case
        return None if case is None else self.figures.get(PRIMARY[case.mode])


def point_result(point: SweepPoint, runs: Sequence[Run], reason: str | None = None) -> PointResult:
    """Derives the figures of a point from its valid ``runs``, taken as rounds of one run."""
    if not runs:
        return PointResult(point, reason=reason or point.refused)
    record = runs[0][0]
    samples = _one_after_the_other([samples for _, samples, _ in runs if samples is not None])
    figures = figures_by_name(record, samples)
    return PointResult(point, figures, tuple(folder for _, _, folder in runs), record)


def _one_after_the_other(parts: Sequence[Samples]) -> Samples | None:
    """Returns the rounds of all parts as rounds of one run.

    Clocks of different sessions may have begun anew, so each part is put behind the one before it;
    figures come from differences within rounds only.
    """
    if not parts:
        return None
    placed: list[Samples] = []
    rounds, end = 0, 0
    for part in parts:
        shift = end - int(np.min(part.start_ns))
        moved = replace(
            part,
            round=part.round + rounds,
            start_ns=part.start_ns + shift,
            end_ns=part.end_ns + shift,
        )
        placed.append(moved)
        rounds, end = rounds + len(part.rounds), int(np.max(moved.end_ns))
    return Samples.joined(placed)


@dataclass(frozen=True)
class Best:
    """The best result of a group, and the others of it that may be as good: ``rivals``.

    Their primary figures differ from the best by no more than the noise, or one of the two has no
    interval, so that nobody can tell.
    """

    result: PointResult
    rivals: tuple[PointResult, ...]


def best(results: Iterable[PointResult], group: Callable[[PointResult], object]) -> list[Best]:
    """Returns the best result of each group by the primary figure, groups in order of appearance.

    Latency is best where it is lowest, throughput and accuracy where they are highest.
    """
    groups: dict[object, list[PointResult]] = {}
    for result in results:
        if result.primary is not None:
            groups.setdefault(group(result), []).append(result)
    return [_best_of(members) for members in groups.values()]


def _best_of(members: Sequence[PointResult]) -> Best:
    first = max(members, key=_worth)
    assert first.primary is not None
    others = [one for one in members if one is not first and one.primary is not None]
    others.sort(key=_worth, reverse=True)
    name = first.primary.name
    rivals = [one for one in others if not _told_apart(first, one, name)]
    return Best(first, tuple(rivals))


def _told_apart(first: PointResult, other: PointResult, name: str) -> bool:
    """Whether a figure differs beyond the noise; from 3 passes on, its interval is of processes."""
    of_processes = min(first.runs, other.runs) >= LEAST_ROUNDS
    return first.figures[name].told_apart(other.figures[name], of_processes=of_processes)


def _worth(result: PointResult) -> float:
    assert result.primary is not None
    value = result.primary.value
    return -value if result.primary.name == LATENCY else value


def front(results: Iterable[PointResult]) -> list[PointResult]:
    """Returns the results that no other beats in throughput and average latency at once.

    By rising latency.
    """
    timed = [one for one in results if THROUGHPUT in one.figures and LATENCY in one.figures]
    return pareto_front(
        timed,
        cost=lambda one: one.figures[LATENCY].value,
        worth=lambda one: one.figures[THROUGHPUT].value,
    )


def near_front(results: Iterable[PointResult]) -> list[PointResult]:
    """Returns the results beside the front that none on it beats by more than the noise.

    By rising latency.
    """
    timed = [one for one in results if THROUGHPUT in one.figures and LATENCY in one.figures]
    ahead = front(timed)
    on_front = {id(one) for one in ahead}
    near = [
        one
        for one in timed
        if id(one) not in on_front and not any(_surely_beats(first, one) for first in ahead)
    ]
    return sorted(near, key=lambda one: one.figures[LATENCY].value)


def _surely_beats(first: PointResult, other: PointResult) -> bool:
    """Whether ``first`` is worse in nothing, and better beyond the noise in one of the two."""
    more, less = first.figures[THROUGHPUT].value, other.figures[THROUGHPUT].value
    quick, slow = first.figures[LATENCY].value, other.figures[LATENCY].value
    if more < less or quick > slow:
        return False
    return any(_told_apart(first, other, name) for name in (THROUGHPUT, LATENCY))
