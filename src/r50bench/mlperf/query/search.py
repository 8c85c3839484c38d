"""Records of the history that a query means, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r50bench.errors import R50BenchError
from r50bench.mlperf.query.conditions import condition_of
from r50bench.mlperf.query.facts import facts_of_record, tags_of_record
from r50bench.mlperf.query.terms import Term
from r50bench.results.history import History, HistoryEntry
from r50bench.results.record import Record, read_record

__all__ = ["Found", "Search"]


@dataclass(frozen=True)
class Found:
    """A record, where it lies, its facts and tags, and the unit of its performance."""

    record: Record
    folder: Path
    facts: dict[str, Any]
    tags: frozenset[str]
    unit: str


class Search:
    """One search, which reads the records that it yields, and hardly another.

    ``refused`` are the folders of those that would have been yielded, but are gone or damaged.
    """

    def __init__(self, history: History, terms: Sequence[Term]) -> None:
        self._history = history
        self._terms = terms
        self.refused: list[str] = []

    def results(self) -> Iterator[Found]:
        """Yields the records of which every term holds, newest first."""
        for entry in self._history.entries(*condition_of(self._terms)):
            found = self._read(entry)
            if found is not None and self._meets(found):
                yield found

    def _read(self, entry: HistoryEntry) -> Found | None:
        try:
            record = read_record(entry.folder)
        except R50BenchError:
            self.refused.append(str(entry.folder))
            return None
        unit, primary = entry.primary or ("", None)
        if record.loadgen is not None:
            unit = record.loadgen.score_unit if record.loadgen.settings.measures else ""
        facts, tags = facts_of_record(record, primary), tags_of_record(record)
        return Found(record, entry.folder, facts, tags, unit)

    def _meets(self, found: Found) -> bool:
        return all(term.holds(found.tags, found.facts) for term in self._terms)
