"""By what processes are judged: by what they experienced, or by their undisturbed batches alone.

The headline of a run is what was experienced. Whoever sets runs against each other on cores that
others slow down may ask for undisturbed batches; every verb that does takes their figures here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from r50bench.results.kpi import (
    ACCURACY,
    FULL_SPEED,
    UNDISTURBED_BATCHES,
    Kpi,
    undisturbed_figure,
)
from r50bench.results.undisturbed import NEARLY_ALL

__all__ = ["Judged", "Undisturbed", "judged_figure", "judged_where_all_can", "undisturbed_of"]

Judged = Literal["experienced", "undisturbed"]
"""Whose batches a figure is of: all of them, or the undisturbed ones."""

Figures = Mapping[str, Kpi]
"""A process's figures by name."""

_MOST_NAMED = 3


def judged_figure(figures: Figures, name: str, judged: Judged) -> Kpi | None:
    """Returns the figure that a process is judged by in the question that ``name`` answers.

    None where it has none: too few batches were undisturbed, or nothing looked at its cores, as in
    LoadGen's runs. Accuracy is counted, and no core's speed changes it.
    """
    if judged == "experienced" or name == ACCURACY:
        return figures.get(name)
    return undisturbed_figure(figures, name)


@dataclass(frozen=True)
class Undisturbed:
    """What processes of one case have to be judged by undisturbed batches.

    ``enough`` of ``processes`` have a figure of them. ``full_speed`` is the share of all batches
    with the cores at full speed, ``passed`` of those that passed undisturbed from end to end, 0 to
    1; None where nothing looked at the cores.
    """

    processes: int
    enough: int
    full_speed: float | None
    passed: float | None

    @property
    def too_few(self) -> bool:
        """Whether fewer have one than processes can be compared by: two, or the only one."""
        return self.enough < min(2, self.processes)

    @property
    def seldom(self) -> bool:
        """Whether disturbed batches were so many that leaving them out may tell more."""
        return self.passed is not None and self.passed < NEARLY_ALL

    @property
    def words(self) -> str:
        """How many had enough, and how fast the cores were.

        ``3 of 5 processes had enough undisturbed batches, cores at full speed in 61 % of all``.
        """
        those = "process" if self.processes == 1 else "processes"
        said = f"{self.enough} of {self.processes} {those} had enough undisturbed batches"
        if self.full_speed is None:
            return f"{said}, as nothing looked at the cores"
        return f"{said}, cores at full speed in {100 * self.full_speed:.0f} % of all"


def undisturbed_of(processes: Sequence[Figures], name: str) -> Undisturbed:
    """Returns what the processes have, in the question that the figure ``name`` answers."""
    looked_at = [figures for figures in processes if UNDISTURBED_BATCHES in figures]
    batches = sum(figures["Samples"].value for figures in looked_at)
    full = passed = None
    if batches:
        at_full_speed = sum(
            figures[FULL_SPEED].value / 100 * figures["Samples"].value for figures in looked_at
        )
        full = at_full_speed / batches
        passed = sum(figures[UNDISTURBED_BATCHES].value for figures in looked_at) / batches
    enough = sum(undisturbed_figure(figures, name) is not None for figures in processes)
    return Undisturbed(len(processes), enough, full, passed)


def judged_where_all_can(candidates: Mapping[str, Figures], name: str) -> tuple[Judged, str]:
    """Returns by what candidates can be ranked who are to be ranked by undisturbed batches.

    That needs a figure of every one of them; else the second value says as a clause who has none.
    """
    lacking = [
        candidate
        for candidate, figures in candidates.items()
        if undisturbed_figure(figures, name) is None
    ]
    if not lacking:
        return "undisturbed", ""
    named = "; ".join(lacking)
    if len(lacking) > _MOST_NAMED:
        named = f"{len(lacking)} of {len(candidates)}"
    has = "has" if len(lacking) == 1 else "have"
    return "experienced", f"{named} {has} too few undisturbed batches"
