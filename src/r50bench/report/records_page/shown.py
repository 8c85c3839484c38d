"""A record as a page shows it: its samples, its figures, and a name that no other has there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from r50bench.load import LoadGen
from r50bench.results.kpi import Kpi, by_name, kpis_if_valid
from r50bench.results.record import Record
from r50bench.results.samples import Samples

__all__ = ["Shown", "extended", "labelled", "valid_in_mode"]


@dataclass(frozen=True)
class Shown:
    """One record; ``samples`` is None where it timed nothing, ``figures`` are its KPIs by name.

    An invalid record has no figures. ``folder`` is where it lies, None where nobody knows;
    ``label`` is :func:`labelled`'s; ``side`` is the side of a comparison that it is on.
    """

    record: Record
    samples: Samples | None
    folder: Path | None
    figures: Mapping[str, Kpi]
    label: str = ""
    side: str = ""

    @classmethod
    def of(cls, record: Record, samples: Samples | None, folder: Path) -> Shown:
        """Returns the record with the figures that follow from it."""
        return cls(record, samples, folder, by_name(kpis_if_valid(record, samples)))

    @property
    def primary(self) -> Kpi | None:
        """The primary figure, None where there is none."""
        return next((kpi for kpi in self.figures.values() if kpi.primary), None)

    @property
    def graph(self) -> str:
        """The graph, v1 or v1.5, empty where no model was loaded."""
        return "" if self.record.model is None else self.record.model.graph


def valid_in_mode(shown: Sequence[Shown], mode: str) -> list[Shown]:
    """Returns the valid records of the closed loop in ``mode``."""
    return [
        one
        for one in shown
        if one.record.case.mode == mode and one.figures and not isinstance(one.record.load, LoadGen)
    ]


_PARTS: tuple[Callable[[Record], str], ...] = (
    lambda record: record.case.mode,
    lambda record: f"batch {record.case.batch_size}",
    lambda record: f"{record.case.instances} × {record.case.cores_per_instance}",
    lambda record: str(record.host.get("platform", "")),
    lambda record: str(record.host.get("fingerprint", ""))[:6],
    lambda record: "" if record.model is None else record.model.graph,
    lambda record: record.created[:16].replace("T", " "),
)
"""What may tell records of one precision and engine apart, the first that is needed first."""


def labelled(shown: Sequence[Shown]) -> list[Shown]:
    """Returns the records, named by precision, engine and as much else as tells these apart."""
    labels = [
        f"{one.side} {one.record.case.precision} {one.record.case.engine}".strip() for one in shown
    ]
    for part in _PARTS:
        if len(set(labels)) == len(labels):
            break
        labels = extended(labels, [part(one.record) for one in shown], joint=" · ")
    return [replace(one, label=label) for one, label in zip(shown, _numbered(labels), strict=True)]


def extended(labels: Sequence[str], parts: Sequence[str], joint: str) -> list[str]:
    """Adds each part to its label, after ``joint``, where those of the same label differ in it."""
    different: dict[str, set[str]] = {}
    for label, part in zip(labels, parts, strict=True):
        different.setdefault(label, set()).add(part)
    return [
        f"{label}{joint}{part}" if part and len(different[label]) > 1 else label
        for label, part in zip(labels, parts, strict=True)
    ]


def _numbered(labels: Sequence[str]) -> list[str]:
    total, seen, found = Counter(labels), Counter[str](), []
    for label in labels:
        seen[label] += 1
        found.append(f"{label} #{seen[label]}" if total[label] > 1 else label)
    return found
