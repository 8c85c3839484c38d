"""How much processes of one case differ on a host, as its history shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from r50bench.comparison.compare import Comparison, compare_sides
from r50bench.comparison.side import Side
from r50bench.comparison.verdict import Between
from r50bench.results.history import History, HistoryEntry, history_path
from r50bench.results.judged import Judged
from r50bench.results.record import Record

__all__ = ["between_processes", "compare_by_history", "spread_of"]

_LEAST_FREEDOM = 2.0

_LAGS = 5
"""With it 6 to 9 of 100 pairs of runs of one drifting machine are told apart (31 real runs beside
changing work; neighbours alike by 0.7), where steps from run to run alone tell 15 to 21, and those
to the next three 10 to 12; of a steady one 4 to 5 in any case (benchmarks/compare_aa.py)."""

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


Run = tuple[float, str | None]
"""The logarithm of a run's figure, and the call of several processes that it is of, if any."""


def compare_by_history(
    base: Side, new: Side, tolerance: float, judged: Judged = "experienced"
) -> Comparison:
    """Compares, asking this user's history about the spread where single processes are compared."""

    def known(records: Sequence[Record]) -> Between | None:
        with History(history_path()) as history:
            return between_processes(history, records, [record.id for record in records])

    return compare_sides(base, new, tolerance=tolerance, known=known, judged=judged)


def between_processes(
    history: History, records: Sequence[Record], leaving_out: Iterable[str]
) -> Between | None:
    """Returns the spread between runs of the very cases of ``records`` on their hosts.

    The records whose ids are in ``leaving_out`` are those in question, and testify for neither
    side. None where the history knows too few others.
    """
    out = set(leaving_out)
    conditions = dict.fromkeys(filter(None, map(_condition, records)))
    return spread_of(
        [
            (math.log(entry.primary[1]), _invocation(entry))
            for entry in history.entries(_SAME_QUESTION, one, unread=False, with_facts=True)
            if entry.id not in out and entry.primary is not None
        ]
        for one in conditions
    )


def spread_of(series: Iterable[Sequence[Run]]) -> Between | None:
    """Returns the spread that runs of each case, in the order of time, show; None for too few.

    It is taken from each run and the next five (von Neumann's mean square successive difference
    has the next one alone), so that what once changed for good counts a few times and not as
    spread, and a machine that drifts slowly does not pass for a steady one; and not from neighbours
    of one call, which met the same state of the machine.
    """
    square, count, freedom = 0.0, 0, 0.0
    for runs in series:
        steps = [_steps(runs, lag) for lag in range(1, _LAGS + 1)]
        if nearest := len(steps[0]):
            together = [step for of_lag in steps for step in of_lag]
            square += math.fsum(step**2 for step in together) / 2
            count += len(together)
            # Neighbouring steps share a run: von Neumann et al. 1941, for normal values. How much
            # those to runs farther off add depends on the drift: nothing is taken for it.
            freedom += 2 * nearest**2 / (3 * nearest - 1)
    return Between(square / count, freedom) if freedom >= _LEAST_FREEDOM else None


def _steps(runs: Sequence[Run], lag: int) -> list[float]:
    """Returns by how much runs differ from those ``lag`` further on, unless of the same call."""
    return [
        later - earlier
        for (earlier, one), (later, other) in zip(runs, runs[lag:], strict=False)
        if one is None or one != other
    ]


@dataclass(frozen=True)
class _Call:
    invocation: str | None = None


_DECODER = msgspec.json.Decoder(_Call)


def _invocation(entry: HistoryEntry) -> str | None:
    """Returns the call that an entry is of, None where it is of none, or its row is damaged."""
    if entry.facts is None:
        return None
    try:
        return _DECODER.decode(entry.facts).invocation
    except msgspec.DecodeError:
        return None


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
