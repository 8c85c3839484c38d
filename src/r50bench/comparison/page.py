"""The page of a comparison: the verdicts first, then what they rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from r50bench.comparison.compare import Comparison
from r50bench.comparison.pairing import Pair, pairs_of
from r50bench.comparison.ratio_plot import MOST_CASES, ratio_plot_svg
from r50bench.comparison.side import MeasuredRun
from r50bench.comparison.text import answer_lines, comparison_table, difference_table, remark_lines
from r50bench.report.page import Section, page, pictures, tables, words
from r50bench.report.records_page import Shown, latency_section, proof_sections
from r50bench.results.kpi import by_name
from r50bench.results.samples import Samples
from r50bench.wording import counted

__all__ = ["comparison_page"]

_MOST_DRAWN = 3
"""Cases whose latencies are drawn, each with a curve and a strip for either side."""

_SIDES = "base", "new"


def comparison_page(
    comparison: Comparison,
    base: Sequence[MeasuredRun],
    new: Sequence[MeasuredRun],
    *,
    title: str = "r50bench compare",
    notes: Sequence[str] = (),
) -> str:
    """Returns the whole page as HTML; ``base`` and ``new`` are the runs that were compared.

    ``notes`` say what is missing from it.
    """
    heading = f"base: {comparison.base}\nnew: {comparison.new}"
    pairs = [pair for pair in pairs_of(base, new) if pair.base and pair.new]
    sections = [*_verdicts(comparison), *_latencies(pairs)]
    return page(title, heading, [*sections, *proof_sections(_in_turns(base, new))], notes)


def _verdicts(comparison: Comparison) -> Iterator[Section]:
    yield words("", answer_lines(comparison), style="answer")
    cut = ""
    if len(comparison.cases) > MOST_CASES:
        cut = f"The first {MOST_CASES} of {len(comparison.cases)} cases; the table has all."
    yield pictures("New against base", [ratio_plot_svg(comparison)], cut)
    yield tables("Verdicts", [("", comparison_table(comparison))])
    yield words("", remark_lines(comparison))
    differing = difference_table(comparison)
    if differing.rows:
        yield tables("What else differs, strongest suspect first", [("", differing)])
    else:
        yield words("What else differs", ["Nothing: host, versions, model, data, engine and case."])


def _latencies(pairs: Sequence[Pair]) -> Iterator[Section]:
    """Yields each side's batches, of all its processes together, where samples are at hand."""
    sides = [
        (_named(side, pair, alone=len(pairs) == 1), runs)
        for pair in pairs
        for side, runs in zip(_SIDES, (pair.base, pair.new), strict=True)
    ]
    drawn = [one for label, runs in sides for one in _together(label, runs)]
    if drawn:
        cut = ""
        if len(drawn) > 2 * _MOST_DRAWN:
            cut = f" The first {_MOST_DRAWN} of {len(pairs)} cases."
        key = f"All processes of a side, one after the other in the lower pictures.{cut}"
        yield latency_section(drawn[: 2 * _MOST_DRAWN], key)


def _named(side: str, pair: Pair, *, alone: bool) -> str:
    return side if alone else f"{side} · {pair.label.removeprefix('inference_')}"


def _together(label: str, runs: Sequence[MeasuredRun]) -> Iterator[Shown]:
    """Yields the runs as if one process had done all their rounds; none without their samples."""
    samples = [run.samples for run in runs if run.samples is not None]
    if len(samples) != len(runs) or len({len(part.instances) for part in samples}) > 1:
        return
    yield replace(
        _shown(label, runs[0]),
        samples=Samples.one_after_another(samples),
        label=f"{label} ({counted(len(runs), 'process', 'processes')})",
    )


def _in_turns(base: Sequence[MeasuredRun], new: Sequence[MeasuredRun]) -> list[Shown]:
    """Returns the runs of both sides by turns, so that what is cut short has some of either."""
    return [
        _shown(side, run)
        for both in zip_longest(base, new)
        for side, run in zip(_SIDES, both, strict=True)
        if run is not None
    ]


def _shown(side: str, run: MeasuredRun) -> Shown:
    return Shown(run.record, run.samples, run.folder, by_name(run.figures), side=side)
