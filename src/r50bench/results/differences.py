"""What differs between a record and its repetition: where it ran, what ran, what came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from r50bench.case import Case
from r50bench.host.snapshot import PASSING
from r50bench.results.kpi import COUNTED, Kpi
from r50bench.results.record import Record

__all__ = ["Difference", "FigurePair", "differences", "figure_pairs"]

_INCIDENTAL = ("compiled_in_this_run", "why")
_COMPARED_ELSEWHERE = ("weights",)  # of the case: the model says what they came to


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was; None where one of the two records does not know it."""

    what: str
    before: Any
    after: Any


@dataclass(frozen=True)
class FigurePair:
    """One figure of both records. Whether a measured one really changed is :mod:`.verdict`'s."""

    before: Kpi
    after: Kpi

    @property
    def recounted(self) -> bool:
        """Whether a count, or a share of counts, came out otherwise; these do not scatter."""
        return self.before.name in COUNTED and self.before.value != self.after.value

    @property
    def change(self) -> float | None:
        """The relative change: 0.01 is one per cent more than before. None from zero."""
        return self.after.value / self.before.value - 1 if self.before.value else None

    @property
    def points(self) -> float | None:
        """By how many percentage points a share changed; None of any other figure."""
        return self.after.value - self.before.value if self.before.unit == "%" else None


def differences(before: Record, after: Record) -> tuple[Difference, ...]:
    """Returns what differs in host, versions, model, input, engine and kernels, in that order."""
    pairs = (
        ("host", before.host, after.host),
        ("model", _fields(before.model), _fields(after.model)),
        ("data", _fields(before.data), _fields(after.data)),
        ("engine", _fields(before.engine), _fields(after.engine)),
        ("evidence", _kernels(before), _kernels(after)),
        ("case", _asked(before.case), _asked(after.case)),
        ("placement", asdict(before.placement), asdict(after.placement)),
    )
    return tuple(one for name, old, new in pairs for one in _differing(name, old, new))


def figure_pairs(before: Sequence[Kpi], after: Sequence[Kpi]) -> tuple[FigurePair, ...]:
    """Returns the figures that both have, in the order of the first."""
    named = {kpi.name: kpi for kpi in after}
    return tuple(FigurePair(kpi, named[kpi.name]) for kpi in before if kpi.name in named)


def _fields(part: Any) -> Mapping[str, Any]:
    """Returns what matters of a record's part; where it was compiled does not."""
    fields = {} if part is None else asdict(part)
    return {name: value for name, value in fields.items() if name not in _INCIDENTAL}


def _kernels(record: Record) -> Mapping[str, Any]:
    return {} if record.evidence is None else {"kernels": record.evidence.summary}


def _asked(case: Case) -> Mapping[str, Any]:
    fields = asdict(case)
    return {name: fields[name] for name in fields if name not in _COMPARED_ELSEWHERE}


def _differing(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old == new or key in PASSING:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differing(f"{name} {key}", old, new)
        else:
            yield Difference(f"{name} {key}", old, new)
