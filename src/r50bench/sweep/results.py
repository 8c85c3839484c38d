"""What a sweep has found: the figures of each point over its passes, the best ones, the front."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from r50bench.results.kpi import LATENCY, PRIMARY, THROUGHPUT, Kpi, figures_by_name
from r50bench.results.record import Record
from r50bench.results.samples import Samples
from r50bench.sweep.pareto import pareto_front
from r50bench.sweep.plan import SweepPoint

__all__ = ["PointResult", "Run", "best", "front", "point_result"]

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


def best(
    results: Iterable[PointResult], group: Callable[[PointResult], object]
) -> list[PointResult]:
    """Returns the best result of each group by the primary figure, groups in order of appearance.

    Latency is best where it is lowest, throughput and accuracy where they are highest.
    """
    found: dict[object, PointResult] = {}
    for result in results:
        if result.primary is None:
            continue
        key = group(result)
        if key not in found or _worth(result) > _worth(found[key]):
            found[key] = result
    return list(found.values())


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
