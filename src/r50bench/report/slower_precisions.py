"""Precisions that round more than another one and are slower all the same, by what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from r50bench.notices import Notice
from r50bench.precision import NUMERICS
from r50bench.results.kpi import THROUGHPUT, Kpi
from r50bench.results.record import Record

__all__ = ["slower_precisions"]

_WITHOUT_INTERVALS = 0.95
"""Where a throughput has no interval, a share of the other one that is surely below it."""


@dataclass(frozen=True)
class _Measured:
    record: Record
    throughput: Kpi

    @property
    def coarseness(self) -> int:
        return NUMERICS[self.record.case.numerics].coarseness

    @property
    def beside(self) -> tuple[object, ...]:
        """What two must have in common to be compared: code, cores and model."""
        record = self.record
        cpus = tuple(slot.cpus for slot in record.placement.slots)
        return record.case.engine, record.case.device, cpus, record.model


def slower_precisions(runs: Sequence[tuple[Record, Mapping[str, Kpi]]]) -> tuple[Notice, ...]:
    """Returns a notice for each precision that is slower than one which rounds less.

    ``runs`` are records with their figures by name. Judged are the throughputs of valid records of
    throughput mode, those of one engine on the same cores beside each other; "slower" is beyond
    their 95 % intervals. Each is compared with the fastest of the precisions that round less. Where
    both limits were measured and explain it, the notice says so, since no other kernel would help
    then.
    """
    measured = [
        _Measured(record, figures[THROUGHPUT])
        for record, figures in runs
        if record.status == "valid" and record.case.mode == "throughput"
        if THROUGHPUT in figures
    ]
    return tuple(_notices(measured))


def _notices(measured: Sequence[_Measured]) -> Iterator[Notice]:
    for mine in measured:
        finer = [
            other
            for other in measured
            if other.beside == mine.beside and other.coarseness < mine.coarseness
        ]
        best = max(finer, key=lambda other: other.throughput.value, default=None)
        if best is not None and _is_below(mine.throughput, best.throughput):
            yield _notice(mine, best)


def _is_below(mine: Kpi, other: Kpi) -> bool:
    if mine.high is None or other.low is None:
        return mine.value < _WITHOUT_INTERVALS * other.value
    return mine.high < other.low


def _notice(mine: _Measured, best: _Measured) -> Notice:
    slow, fast = mine.record, best.record
    rates = f"{mine.throughput.value:.1f} beside {best.throughput.value:.1f} images/s"
    text = (
        f"{slow.case.precision} is slower here than {fast.case.precision}, which rounds less:"
        f" {rates} by engine {slow.case.engine}"
    )
    if slow.limit is not None and fast.limit is not None:
        share = slow.limit.gop_per_s / fast.limit.gop_per_s
        if share < 1:
            text += (
                f"; these cores do {slow.limit.instruction} at {share:.2f} of the rate of"
                f" {fast.limit.instruction}"
            )
    return Notice("slower-precision", text, f"take {fast.case.precision}")
