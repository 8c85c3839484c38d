"""The runs of one case as one: processes are the samples of its figures."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from r50bench.case import setting_text
from r50bench.parameters import PARAMETERS, Parameter
from r50bench.report.records_page.shown import Shown, extended
from r50bench.results.comparable import question_of
from r50bench.results.kpi import Kpi
from r50bench.results.processes import estimate_of
from r50bench.results.record import Record
from r50bench.wording import counted

__all__ = ["Grouped", "grouped"]


@dataclass(frozen=True)
class Grouped:
    """The runs that ask the very same of one version of an engine on one host, one at least.

    ``beside`` is what tells them from others of the same layout, such as ``, ALLOCATOR=system``.
    """

    runs: tuple[Shown, ...]
    beside: str = ""

    @property
    def record(self) -> Record:
        """The first run's, for what is the same in all."""
        return self.runs[0].record

    @property
    def what_ran(self) -> str:
        return f"{self.record.case.precision} on {self.record.case.engine}"

    @property
    def size(self) -> str:
        case = self.record.case
        return f"{case.instances} × {counted(case.cores_per_instance, 'core')}"

    @property
    def name(self) -> str:
        """What ran, its batch and its size, and what else tells it from the others."""
        return f"{_layout(self)}{self.beside}"

    @property
    def over(self) -> str:
        """`` over 3 processes``; nothing of a single one."""
        return f" over {len(self.runs)} processes" if len(self.runs) > 1 else ""

    def figure(self, name: str) -> Kpi | None:
        """Returns the figure ``name``; of several processes, their mean with its interval.

        None where any of them has none.
        """
        found = [one.figures[name] for one in self.runs if name in one.figures]
        if len(found) < len(self.runs):
            return None
        estimate = estimate_of(found)
        return replace(found[0], value=estimate.value, low=estimate.low, high=estimate.high)

    def told_apart(self, other: Grouped, name: str) -> bool:
        """Whether the figure ``name``, which both have, differs by more than the noise."""
        one, another = self.figure(name), other.figure(name)
        assert one is not None
        assert another is not None
        several = min(len(self.runs), len(other.runs)) > 1
        return one.told_apart(another, of_processes=several)


def grouped(shown: Iterable[Shown]) -> list[Grouped]:
    """Returns the runs by what they ask, of which engine and where, in order of appearance."""
    runs: dict[Hashable, list[Shown]] = {}
    for one in shown:
        runs.setdefault(_key(one.record), []).append(one)
    return _named([Grouped(tuple(several)) for several in runs.values()])


def _key(record: Record) -> Hashable:
    return (question_of(record) or record.case, *(facet(record) for facet in _SURROUNDINGS))


def _named(groups: Sequence[Grouped]) -> list[Grouped]:
    """Adds to groups of one layout what tells them apart."""
    layouts = [_layout(one) for one in groups]
    names = layouts
    for facet in (*_ASKED, *_SURROUNDINGS):
        names = extended(names, [facet(one.record) for one in groups], joint=", ")
    return [
        replace(one, beside=name.removeprefix(layout))
        for one, name, layout in zip(groups, names, layouts, strict=True)
    ]


def _layout(one: Grouped) -> str:
    return f"{one.what_ran}, batch {one.record.case.batch_size}, {one.size}"


_OF_INPUT = ("case_type", "data_type", "dataset")  # beside what decides about speed


def _setting(row: Parameter) -> Callable[[Record], str]:
    return lambda record: f"{row.key}={setting_text(getattr(record.case, row.name))}"


_ASKED = [
    _setting(row)
    for row in PARAMETERS
    if row.in_case and (row.decides_speed or row.name in _OF_INPUT)
]

_SURROUNDINGS: tuple[Callable[[Record], str], ...] = (
    lambda record: "" if record.engine is None else record.engine.version,
    lambda record: f"on {record.host.get('model_name') or 'an unknown CPU'}",
    lambda record: f"on host {str(record.host.get('fingerprint', 'unknown'))[:6]}",
)
"""What need not be asked and makes other figures: whose code ran, and on which machine."""
