"""What a fleet's runs say: a row per question, a cell per node, and who is best; arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from r50bench.fleet.homecoming import RunAtHome
from r50bench.fleet.kept import Answered
from r50bench.results.kpi import Kpi
from r50bench.results.processes import estimate_of
from r50bench.results.record import Record
from r50bench.results.stats import Estimate

__all__ = ["Cell", "Standing", "standings"]


@dataclass(frozen=True)
class Cell:
    """What one node came to in one question.

    ``estimate`` is the figure of its run, or the mean over its ``processes`` runs; None where it
    has none, and ``reason`` says why. ``record`` is the first of its valid runs.
    """

    title: str
    estimate: Estimate | None = None
    record: Record | None = None
    reason: str = ""
    processes: int = 0


@dataclass(frozen=True)
class Standing:
    """One question over the fleet, its cells from the best to those without a figure.

    ``name`` and ``unit`` are those of the figure, empty where there is none. ``level`` are the
    nodes, the best left out, whose intervals reach into its own: the figures do not tell them from
    it.
    """

    question: str
    cells: tuple[Cell, ...]
    name: str = ""
    unit: str = ""
    more_is_better: bool = True
    level: tuple[str, ...] = ()

    @property
    def best(self) -> Cell | None:
        """The first cell, if it has a figure."""
        return next((cell for cell in self.cells[:1] if cell.estimate is not None), None)


def standings(answered: Iterable[Answered]) -> list[Standing]:
    """Returns a standing for each question, in the order in which they were first answered.

    An errand that names one case is one question, whatever precision a node took for it. Of any
    other, each of its records answers one of its own: by name, engine, batch size and cores.
    """
    runs: dict[str, dict[str, list[RunAtHome]]] = defaultdict(lambda: defaultdict(list))
    reasons: dict[str, dict[str, str]] = defaultdict(dict)
    for one in answered:
        for run in one.home.runs:
            question = one.errand.question if not one.errand.several else _asked(run.record)
            if run.record.status == "valid":
                runs[question][one.title].append(run)
        if one.reason:
            reasons[one.errand.question][one.title] = one.reason
        _ = runs[one.errand.question] if not one.errand.several else None
    questions = [*dict.fromkeys((*runs, *reasons))]
    return [_standing(question, runs[question], reasons[question]) for question in questions]


def _asked(record: Record) -> str:
    case = record.case
    return (
        f"{record.name} {case.engine}, batch {case.batch_size}, "
        f"{case.instances} × {case.cores_per_instance} cores"
    )


def _standing(question: str, runs: dict[str, list[RunAtHome]], reasons: dict[str, str]) -> Standing:
    figures = {title: [_primary(run) for run in several] for title, several in runs.items()}
    cells = [_cell(title, runs[title], figures[title]) for title in runs]
    failed = [Cell(title, reason=reason) for title, reason in reasons.items() if title not in runs]
    kpi = next((several[0] for several in figures.values()), None)
    if kpi is None:
        return Standing(question, tuple(failed))
    more = kpi.more_is_better is not False
    ranked = sorted(cells, key=lambda cell: _value(cell) * (-1 if more else 1))
    level = tuple(cell.title for cell in ranked[1:] if _overlap(ranked[0], cell))
    return Standing(question, (*ranked, *failed), kpi.name, kpi.unit, more, level)


def _primary(run: RunAtHome) -> Kpi:
    return run.figures[0]


def _cell(title: str, runs: Sequence[RunAtHome], figures: Sequence[Kpi]) -> Cell:
    return Cell(title, estimate_of(figures), runs[0].record, processes=len(figures))


def _value(cell: Cell) -> float:
    return cell.estimate.value if cell.estimate is not None else 0.0


def _overlap(one: Cell, other: Cell) -> bool:
    """Whether both intervals are known and have something in common."""
    a, b = one.estimate, other.estimate
    if a is None or b is None or None in (a.low, a.high, b.low, b.high):
        return False
    return a.low <= b.high and b.low <= a.high  # type: ignore[operator]
