"""The answer of a page in a sentence or two: the fastest, the quickest, how right they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from r50bench.load import Observe
from r50bench.report.core_speed import (
    core_speed_sentence,
    often_disturbed,
    undisturbed_primary,
)
from r50bench.report.records_page.grouped import Grouped, grouped
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
    found = [*_of_each_graph(shown), *_disturbed(shown)]
    yield from found or ["No record here has a figure."]
    yield from _invalid(shown)


def _of_each_graph(shown: Sequence[Shown]) -> Iterator[str]:
    """Yields what each graph gave by itself: no figure is set beside one of another graph."""
    graphs = dict.fromkeys(one.graph for one in shown if one.figures)
    for graph in graphs:
        runs = [one for one in shown if one.figures and one.graph == graph]
        name = f"ResNet-50 {graph}: " if len(graphs) > 1 else ""
        for sentence in (*_fastest(runs), *_quickest(runs), *_scored(runs), *_loadgen(runs)):
            yield f"{name}{sentence}"


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
    ranked = _ranked(valid_in_mode(shown, "throughput"), THROUGHPUT)
    if not ranked:
        return
    (first, figure), *others = ranked
    share = first.figure(EFFICIENCY)
    of_peak = "" if share is None else f", {share.value:.0f} % of the measured peak"
    layout = f"{first.size}, batch {first.record.case.batch_size}{first.beside}"
    rank = "is the fastest" if others else "ran"
    rivals = _as_good(first, [one for one, _ in others], THROUGHPUT)
    yield (f"{first.what_ran} {rank}: {_told(figure)}{first.over} on {layout}{of_peak}{rivals}.")


def _quickest(shown: Sequence[Shown]) -> Iterator[str]:
    ranked = _ranked(valid_in_mode(shown, "latency"), LATENCY)
    if not ranked:
        return
    (first, mean), *others = ranked
    batch = first.record.case.batch_size
    alike = [one for one, _ in others if one.record.case.batch_size == batch]
    p50, p99 = first.figure(P50_LATENCY), first.figure(P99_LATENCY)
    typical = f"mean {fixed(mean.value, 3)}" if p50 is None else f"p50 {fixed(p50.value, 3)}"
    worst = "" if p99 is None else f" (p99 {fixed(p99.value, 3)} ms)"
    what = f"{first.what_ran}{first.beside}"
    head = (
        f"The shortest latency at batch {batch} is {what}:"
        if alike
        else f"The latency of {what} at batch {batch} is"
    )
    yield f"{head} {typical} ms{worst}{first.over}{_as_good(first, alike, LATENCY)}."


def _ranked(shown: Sequence[Shown], name: str) -> list[tuple[Grouped, Kpi]]:
    """Returns the cases with their figure ``name`` over all processes of each, the best first.

    Runs that were profiled are no rivals of those that were not, and count where all were.
    """
    timed = [one for one in shown if name in one.figures]
    plain = [one for one in timed if not isinstance(one.record.load, Observe)]
    groups = grouped(plain or timed)
    found = [(one, kpi) for one in groups if (kpi := one.figure(name))]
    sign = -1 if name == THROUGHPUT else 1
    return sorted(found, key=lambda pair: sign * pair[1].value)


def _as_good(first: Grouped, others: Sequence[Grouped], name: str) -> str:
    """Returns which cases cannot be told from the first, for noise or for want of intervals."""
    rivals = [one.name for one in others if not first.told_apart(one, name)]
    if not rivals:
        return ""
    return f"; it cannot be told apart from {first_few(rivals, _MOST_RIVALS)}"


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
        alone = any(undisturbed_primary(one.figures) for one in disturbed)
        yield (
            f"{len(disturbed)} of {counted(looked_at, 'record')} were disturbed in more than one of"
            " ten batches; "
            + (
                "what undisturbed batches alone give stands below."
                if alone
                else "undisturbed ones are too few, or too mixed, to say what these alone give."
            )
        )


def _told(kpi: Kpi) -> str:
    if kpi.half_width is None:
        return f"{figure(kpi.value)} {kpi.unit}".rstrip()
    return f"{with_interval(kpi.value, kpi.half_width)} {kpi.unit}"
