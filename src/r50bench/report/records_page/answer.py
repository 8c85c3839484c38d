"""The answer of a page in a sentence or two: the fastest, the quickest, how right they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from r50bench.case import Case
from r50bench.report.core_speed import core_speed_sentence, often_disturbed
from r50bench.report.records_page.shown import Shown, valid_in_mode
from r50bench.results.kpi import (
    EFFICIENCY,
    LATENCY,
    P50_LATENCY,
    P99_LATENCY,
    THROUGHPUT,
    UNDISTURBED_BATCHES,
    Kpi,
)
from r50bench.wording import counted, figure, first_few, fixed, with_interval

__all__ = ["answers"]

_MOST = 6  # named in one sentence
_MOST_RIVALS = 2
_MOST_REASONS = 3


def answers(shown: Sequence[Shown]) -> Iterator[str]:
    """Yields the sentences; one at least, which says so where nothing has a figure."""
    found = [*_fastest(shown), *_quickest(shown), *_scored(shown), *_loadgen(shown)]
    found += _disturbed(shown)
    yield from found or ["No record here has a figure."]
    yield from _invalid(shown)


def _invalid(shown: Sequence[Shown]) -> Iterator[str]:
    """Says how many have no figures, and of the first few why."""
    invalid = [one.record for one in shown if one.record.status != "valid"]
    if not invalid:
        return
    lack = "is invalid and has" if len(invalid) == 1 else "are invalid and have"
    yield f"{len(invalid)} of {counted(len(shown), 'record')} {lack} no figures."
    for record in invalid[:_MOST_REASONS]:
        reason = " ".join((record.reason or "no reason given").split())
        yield f"{record.name} on {record.case.engine} failed: {reason}."
    if len(invalid) > _MOST_REASONS:
        yield f"'r50bench kpi' says why the other {len(invalid) - _MOST_REASONS} failed."


def _fastest(shown: Sequence[Shown]) -> Iterator[str]:
    timed = [one for one in valid_in_mode(shown, "throughput") if THROUGHPUT in one.figures]
    if not timed:
        return
    first, *others = sorted(timed, key=lambda one: -one.figures[THROUGHPUT].value)
    case, share = first.record.case, first.figures.get(EFFICIENCY)
    of_peak = "" if share is None else f", {share.value:.0f} % of the measured peak"
    layout = (
        f"{case.instances} × {counted(case.cores_per_instance, 'core')}, batch {case.batch_size}"
    )
    rank = "is the fastest" if others else "ran"
    yield (
        f"{case.precision} on {case.engine} {rank}: {_told(first.figures[THROUGHPUT])}"
        f" on {layout}{of_peak}{_as_good(first, others, THROUGHPUT)}."
    )


def _quickest(shown: Sequence[Shown]) -> Iterator[str]:
    timed = [one for one in valid_in_mode(shown, "latency") if LATENCY in one.figures]
    if not timed:
        return
    first, *others = sorted(timed, key=lambda one: one.figures[LATENCY].value)
    case = first.record.case
    alike = [one for one in others if one.record.case.batch_size == case.batch_size]
    typical = first.figures.get(P50_LATENCY, first.figures[LATENCY])
    slow = first.figures.get(P99_LATENCY)
    worst = "" if slow is None else f" (p99 {fixed(slow.value, 3)} ms)"
    name = "p50" if P50_LATENCY in first.figures else "mean"
    yield (
        f"The shortest latency at batch {case.batch_size} is {case.precision} on {case.engine}:"
        f" {name} {fixed(typical.value, 3)} ms{worst}{_as_good(first, alike, LATENCY)}."
    )


def _as_good(first: Shown, others: Sequence[Shown], name: str) -> str:
    """Returns which cases cannot be told apart from the first, for noise or for want of intervals.

    Runs of the same case are no rivals.
    """
    rivals = {
        one.record.case: _layout(one.record.case)
        for one in others
        if one.record.case != first.record.case
        and not first.figures[name].told_apart(one.figures[name])
    }
    if not rivals:
        return ""
    return f"; it cannot be told apart from {first_few(list(rivals.values()), _MOST_RIVALS)}"


def _layout(case: Case) -> str:
    size = f"{case.instances} × {counted(case.cores_per_instance, 'core')}"
    return f"{case.precision} on {case.engine}, batch {case.batch_size}, {size}"


def _scored(shown: Sequence[Shown]) -> Iterator[str]:
    scored = [one for one in shown if one.record.accuracy is not None and one.figures]
    by_precision: dict[str, tuple[int, int]] = {}
    for one in scored:
        counts = one.record.accuracy
        assert counts is not None
        by_precision.setdefault(
            f"{one.record.case.precision} on {one.record.case.engine}", (counts.good, counts.total)
        )
    if by_precision:
        parts = [f"{name} {good}/{total}" for name, (good, total) in by_precision.items()]
        yield f"Top-1: {', '.join(parts[:_MOST])}{' …' if len(parts) > _MOST else ''}."


def _loadgen(shown: Sequence[Shown]) -> Iterator[str]:
    judged = [one for one in shown if one.record.loadgen is not None and one.primary is not None]
    for one in judged[:_MOST]:
        result, primary = one.record.loadgen, one.primary
        assert result is not None
        assert primary is not None
        verdict = f", {result.verdict}" if result.verdict else ""
        yield f"{one.record.name}: {_told(primary)}{verdict}."


def _disturbed(shown: Sequence[Shown]) -> Iterator[str]:
    """Says of one record how far it was disturbed, of several how many were."""
    disturbed = [one for one in shown if often_disturbed(one.figures)]
    if len(disturbed) == 1 and (said := core_speed_sentence(disturbed[0].figures)):
        case = disturbed[0].record.case
        yield f"{case.precision} on {case.engine} in {case.mode}: {said}."
    elif disturbed:
        looked_at = sum(UNDISTURBED_BATCHES in one.figures for one in shown)
        yield (
            f"{len(disturbed)} of {counted(looked_at, 'record')} were disturbed in more than one of"
            " ten batches; what undisturbed batches alone give stands below."
        )


def _told(kpi: Kpi) -> str:
    if kpi.half_width is None:
        return f"{figure(kpi.value)} {kpi.unit}".rstrip()
    return f"{with_interval(kpi.value, kpi.half_width)} {kpi.unit}"
