"""Which runs of one side answer the same question as which of the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from r50bench.case import setting_text
from r50bench.comparison.side import MeasuredRun
from r50bench.errors import UsageError
from r50bench.load import LoadGen, Observe
from r50bench.parameters import PARAMETERS
from r50bench.results.comparable import comparable
from r50bench.results.record import Record

__all__ = ["Pair", "pairs_of"]

Runs = tuple[MeasuredRun, ...]
Key = tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """The runs of one question on both sides, either of which may be empty."""

    label: str
    base: Runs
    new: Runs


def pairs_of(base: Sequence[MeasuredRun], new: Sequence[MeasuredRun]) -> list[Pair]:
    """Returns the questions of both sides, in the order in which they first come.

    A side is taken apart by as few facets of its cases as it takes for each part to be one case:
    one side of ``avx_fp32`` and one of ``avx_int8`` are compared, but where a side has both, equal
    precisions are. What else differs between the sides is what one compares.

    Raises:
        UsageError: two runs that would be set side by side may not be.
    """
    groups: list[tuple[Key, Runs, Runs]] = [((), tuple(base), tuple(new))]
    for title, facet in _FACETS:
        groups = [part for group in groups for part in _split(group, title, facet)]
    pairs = [Pair(_label(key, old, fresh), old, fresh) for key, old, fresh in groups]
    for pair in pairs:
        _refuse_incomparable(pair)
    return pairs


def _split(
    group: tuple[Key, Runs, Runs], title: str, facet: Callable[[Record], str]
) -> list[tuple[Key, Runs, Runs]]:
    """Takes a group apart by a facet that varies within one of its sides; else leaves it whole."""
    key, base, new = group
    if all(len({facet(run.record) for run in side}) <= 1 for side in (base, new)):
        return [group]
    values = dict.fromkeys(facet(run.record) for run in (*base, *new))
    return [
        (
            (*key, f"{title} {value}".strip()),
            tuple(run for run in base if facet(run.record) == value),
            tuple(run for run in new if facet(run.record) == value),
        )
        for value in values
    ]


def _label(key: Key, base: Runs, new: Runs) -> str:
    """Returns what was run, with the facets that its name does not say."""
    names = list(dict.fromkeys(run.record.name for run in (*base, *new)))
    beside = [part for part in key if part and not any(part in name for name in names)]
    return " ".join([" → ".join(names), *beside])


def _refuse_incomparable(pair: Pair) -> None:
    if not pair.base or not pair.new:
        return
    first = pair.base[0].record
    for run in (*pair.base, *pair.new):
        why = comparable(first, run.record)
        if why is not None:
            raise UsageError(
                f"{first.id} and {run.record.id} cannot be compared: {why}",
                hint="compare runs of the same graph, mode and data; of a latency, also of the"
                " same batch size",
            )


def _load(record: Record) -> str:
    match record.load:
        case LoadGen(settings=settings):
            return settings.name
        case Observe():
            return "profile"
    return record.case.mode


def _field(name: str) -> Callable[[Record], str]:
    return lambda record: setting_text(getattr(record.case, name))


def _facets() -> list[tuple[str, Callable[[Record], str]]]:
    """What tells cases apart, the most telling first, each with the word before its value."""
    named = [
        ("", _load),
        ("", _field("precision")),
        ("", lambda record: record.case.case_type),
        ("", _field("engine")),
    ]
    decisive = [
        (row.block or row.key, _field(row.name))
        for row in PARAMETERS
        if row.in_case and row.decides_speed and not row.in_name and row.name != "engine"
    ]
    return [*named, *decisive, ("DATA_TYPE", _field("data_type"))]


_FACETS = _facets()
