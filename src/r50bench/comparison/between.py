"""How much processes of one case differ on a host, as its history shows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from r50bench.comparison.verdict import Between
from r50bench.results.history import History, HistoryEntry
from r50bench.results.record import Record

__all__ = ["between_processes"]

_LEAST_FREEDOM = 2.0

# The first line is for speed alone: it spares most rows the parsing of their JSON.
_SAME_QUESTION = """
    instr(facts, ?) AND value > 0
    AND json_extract(facts, '$.status') = 'valid'
    AND json_extract(facts, '$.host.fingerprint') = ?
    AND json_extract(facts, '$.engine.version') = ?
    AND json_extract(facts, '$.model.graph') = ?
    AND json_extract(facts, '$.case') = ?
    AND json_type(facts, '$.loadgen') = 'null'
"""


def between_processes(
    history: History, records: Sequence[Record], leaving_out: Iterable[str]
) -> Between | None:
    """Returns the spread between runs of the very cases of ``records`` on their hosts.

    It is taken from each run and the next (von Neumann's mean square successive difference), so
    that what once changed for good counts once and not as spread; and not from neighbours of one
    call with several processes, which met the same state of the machine. The records whose ids are
    in ``leaving_out`` are those in question, and testify for neither side. None where the history
    knows too few others.
    """
    out = set(leaving_out)
    square, count, freedom = 0.0, 0, 0.0
    for condition in dict.fromkeys(filter(None, map(_condition, records))):
        entries = history.entries(_SAME_QUESTION, condition, unread=False, with_facts=True)
        runs = [
            (math.log(entry.primary[1]), _invocation(entry))
            for entry in entries
            if entry.id not in out and entry.primary is not None
        ]
        steps = [
            later - earlier
            for (earlier, one), (later, other) in itertools.pairwise(runs)
            if one is None or one != other
        ]
        if steps:
            square += math.fsum(step**2 for step in steps) / 2
            count += len(steps)
            # Neighbouring steps share a run: von Neumann et al. 1941, for normal values.
            freedom += 2 * len(steps) ** 2 / (3 * len(steps) - 1)
    return Between(square / count, freedom) if freedom >= _LEAST_FREEDOM else None


@dataclass(frozen=True)
class _Call:
    invocation: str | None = None


_DECODER = msgspec.json.Decoder(_Call)


def _invocation(entry: HistoryEntry) -> str | None:
    return None if entry.facts is None else _DECODER.decode(entry.facts).invocation


def _condition(record: Record) -> tuple[str, ...] | None:
    """Returns what is bound to the question, None where the record cannot be asked about."""
    fingerprint = record.host.get("fingerprint")
    if record.engine is None or record.model is None or fingerprint is None:
        return None
    case = msgspec.json.encode(record.case).decode()
    return (
        f'"name":"{record.name}"',
        str(fingerprint),
        record.engine.version,
        record.model.graph,
        case,
    )
