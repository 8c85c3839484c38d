"""Nodes of one type beside each other: how far they differ, which is odd, and what may be why."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from r50bench.fleet.plan import Seat
from r50bench.fleet.standings import Cell, Standing
from r50bench.fleet.survey import HostFacts
from r50bench.report.differing import said
from r50bench.results.differences import Difference, differences
from r50bench.results.outliers import outlying
from r50bench.results.record import Record
from r50bench.results.suspects import strongest_first

__all__ = ["OddOne", "Twins", "kind_of", "twins_of"]

_WORTH_NAMING = 0.02
"""Two per cent, what comparisons take for the same where nobody says otherwise."""

_MOST_SUSPECTS, _LONGEST = 3, 200
_OWN = ("host fingerprint", "host memory_available_bytes")  # no two hosts have the same
_NEARLY = 0.02
_GIB = 2**30


@dataclass(frozen=True)
class OddOne:
    """A node whose figure does not belong to those of its twins.

    ``share`` is how far it is from the median of the others: −0.09 is 9 % less. ``slower`` says
    whether that is the worse side. ``suspects`` are what its record has otherwise than most of
    theirs, the strongest first; none where nothing that records keep is.
    """

    title: str
    share: float
    slower: bool
    suspects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Twins:
    """Nodes of one type in one question; ``spread`` is the standard deviation between them, as a
    share of the figure, None for a single one."""

    question: str
    kind: str
    titles: tuple[str, ...]
    spread: float | None
    odd: tuple[OddOne, ...] = ()


def kind_of(host: HostFacts) -> tuple[Hashable, str]:
    """Returns what twins have in common, and what to call it: a cloud's type, else the CPU."""
    # Two of a type differ by what their firmware keeps of the memory.
    memory = round(math.log2(host.memory_bytes / _GIB)) if host.memory_bytes > 0 else None
    gpus = tuple(sorted(gpu.name for gpu in host.gpus))
    key = (host.machine, host.model_name, host.sockets, host.cores, memory, gpus)
    return key, f"{host.machine or host.model_name}, {host.cores} cores"


def twins_of(standing: Standing, seats: Sequence[Seat]) -> list[Twins]:
    """Returns the types of which there are several nodes with a figure in that question."""
    kinds = {seat.title: kind_of(seat.survey.host) for seat in seats}
    groups: dict[Hashable, list[Cell]] = defaultdict(list)
    names: dict[Hashable, str] = {}
    for cell in standing.cells:
        if cell.estimate is not None and cell.estimate.value > 0 and cell.title in kinds:
            key, name = kinds[cell.title]
            groups[key].append(cell)
            names[key] = name
    return [_twins(standing, names[key], cells) for key, cells in groups.items() if len(cells) > 1]


def _twins(standing: Standing, kind: str, cells: Sequence[Cell]) -> Twins:
    logs = np.log([cell.estimate.value for cell in cells if cell.estimate is not None])
    titles = tuple(cell.title for cell in cells)
    found = outlying(logs)
    usual = [cell for at, cell in enumerate(cells) if at not in found]
    odd = []
    for at in found:
        others = np.delete(logs, at)
        share = math.exp(float(logs[at]) - float(np.median(others))) - 1
        if abs(share) >= _WORTH_NAMING:
            slower = (share < 0) == standing.more_is_better
            odd.append(OddOne(titles[at], share, slower, _suspects(cells[at], usual)))
    return Twins(standing.question, kind, titles, float(np.std(logs, ddof=1)), tuple(odd))


def _suspects(cell: Cell, twins: Sequence[Cell]) -> tuple[str, ...]:
    record = cell.record
    theirs = [twin.record for twin in twins if twin.record is not None]
    if record is None or not theirs:
        return ()
    found = (*_differing(record, theirs), *_notices(record, theirs))
    return tuple(suspect[:_LONGEST] for suspect in found[:_MOST_SUSPECTS])


def _differing(record: Record, theirs: Sequence[Record]) -> Iterator[str]:
    """Yields what the record has otherwise than most of the others have it."""
    found: dict[str, list[Difference]] = defaultdict(list)
    for other in theirs:
        for one in differences(other, record):
            if one.what not in _OWN and not _nearly(one.before, one.after):
                found[one.what].append(one)
    odd = [several[0] for several in found.values() if 2 * len(several) > len(theirs)]
    for one in strongest_first(odd):
        usual, _ = Counter(said(each.before) for each in found[one.what]).most_common(1)[0]
        yield f"{one.what.removeprefix('host ')} {said(one.after)} (the others: {usual})"


def _nearly(before: object, after: object) -> bool:
    numbers = [value for value in (before, after) if isinstance(value, int | float)]
    return len(numbers) == 2 and math.isclose(*numbers, rel_tol=_NEARLY)


def _notices(record: Record, theirs: Sequence[Record]) -> Iterator[str]:
    """Yields what was noticed of this run and not of most of the others."""
    known = Counter(code for other in theirs for code in {one.code for one in other.notices})
    for notice in record.notices:
        if 2 * known[notice.code] <= len(theirs) and notice.code != "governor":
            yield notice.text
