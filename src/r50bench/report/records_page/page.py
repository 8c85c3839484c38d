"""The page of records, put together in the order in which people ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from r50bench.load import LoadGen
from r50bench.report.overview import overview_rows, overview_table
from r50bench.report.page import Section, page, pictures, preformatted, tables, words
from r50bench.report.records_page.answer import answers
from r50bench.report.records_page.core_speeds import core_speeds_table
from r50bench.report.records_page.details import (
    evidence_table,
    figures_table,
    notices_table,
    repeat_lines,
)
from r50bench.report.records_page.host_map import host_map_svg
from r50bench.report.records_page.latency_ecdf import latency_ecdf_svg
from r50bench.report.records_page.latency_strip import latency_strip_svg
from r50bench.report.records_page.shown import Shown, labelled, valid_in_mode
from r50bench.report.records_page.throughput_bars import throughput_bars_svg
from r50bench.report.table import Column, Table
from r50bench.report.what_ran import what_ran
from r50bench.results.kpi import THROUGHPUT

__all__ = ["latency_section", "proof_sections", "records_page"]

# More lines than these in one picture tell nobody anything, and make the page slow.
_MOST_BARS, _MOST_CURVES, _MOST_STRIPS, _MOST_MAPS = 40, 6, 8, 4


def records_page(
    shown: Sequence[Shown],
    title: str = "r50bench report",
    *,
    first: Sequence[Section] = (),
    notes: Sequence[str] = (),
) -> str:
    """Returns the whole page of the records, as HTML.

    ``first`` are sections of a wing, which follow the pictures of throughput and latency; ``notes``
    say what is missing from the page.
    """
    heading = what_ran([one.record for one in shown], 10_000) if shown else ""
    sections = [words("", answers(shown), style="answer"), *_pictures(shown), *first]
    return page(title, heading, [*sections, *proof_sections(shown)], notes)


def _pictures(shown: Sequence[Shown]) -> Iterator[Section]:
    overviews = list(_overviews(shown))
    if overviews:
        yield tables("Each precision", overviews)
    timed = [one for one in valid_in_mode(shown, "throughput") if THROUGHPUT in one.figures]
    if timed:
        bars = throughput_bars_svg(labelled(timed[:_MOST_BARS]))
        yield pictures("Throughput", [bars], _cut(timed, _MOST_BARS))
    # Where latency was not asked for, the batches of a run for throughput still have one each.
    batches = [one for one in valid_in_mode(shown, "latency") or timed if one.samples is not None]
    if batches:
        yield latency_section(labelled(batches[:_MOST_STRIPS]), _cut(batches, _MOST_CURVES))
    speeds = core_speeds_table(labelled(shown))
    if speeds.rows:
        yield tables("Undisturbed and as experienced", [("", speeds)])


def latency_section(batches: Sequence[Shown], key: str = "") -> Section:
    """Returns the latencies of records that have labels, as distribution and over time.

    All have samples, and there is at least one; ``key`` is a line above the pictures.
    """
    drawn = [latency_ecdf_svg(batches[:_MOST_CURVES]), latency_strip_svg(batches[:_MOST_STRIPS])]
    return pictures("Latency", drawn, key)


def _cut(shown: Sequence[Shown], most: int) -> str:
    if len(shown) <= most:
        return ""
    return f"The first {most} of {len(shown)} records; all are in the table at the end."


def _overviews(shown: Sequence[Shown]) -> Iterator[tuple[str, Table]]:
    """Yields one table per model: figures of different models share none."""
    closed = [one for one in shown if not isinstance(one.record.load, LoadGen)][:_MOST_BARS]
    graphs = dict.fromkeys(one.graph for one in closed if one.record.status == "valid")
    for graph in graphs:
        runs = [(one.record, one.figures) for one in closed if one.graph == graph]
        name = f"ResNet-50 {graph}" if len(graphs) > 1 else ""
        yield name, overview_table(overview_rows(runs))


def proof_sections(shown: Sequence[Shown]) -> Iterator[Section]:
    """Yields where records ran, their proof and notices, how to repeat them, and every figure."""
    placed = _first_of_each_placement(shown)
    if placed:
        maps = [host_map_svg(one) for one in labelled(placed[:_MOST_MAPS])]
        yield pictures("Where it ran", maps, _cut(placed, _MOST_MAPS))
    host = _host_table(shown)
    if host.rows:
        yield tables("", [("", host)])
    evidence, notices = evidence_table(shown), notices_table(shown)
    if evidence.rows:
        yield tables("Proof", [("", evidence)])
    if notices.rows:
        yield tables("What to know of these figures", [("", notices)])
    lines = list(repeat_lines(shown[:_MOST_BARS]))
    if lines:
        yield preformatted("How to repeat it", "\n".join(lines))
    paper = "The table has a column for each figure: open the page itself to read or copy it."
    yield tables("All figures", [("", figures_table(shown))], on_paper=paper)


def _first_of_each_placement(shown: Sequence[Shown]) -> list[Shown]:
    first: dict[object, Shown] = {}
    for one in shown:
        first.setdefault((one.record.placement, one.record.host.get("fingerprint")), one)
    return list(first.values())


_HOST_LINES = (
    ("platform", "platform"),
    ("model_name", "processor"),
    ("machine", "machine"),
    ("kernel", "kernel"),
    ("distribution", "distribution"),
    ("microcode", "microcode"),
    ("governors", "governor"),
    ("container", "container"),
)


def _host_table(shown: Sequence[Shown]) -> Table:
    """Returns what the hosts of the records are: a column for each different one."""
    hosts = [one.record.host for one in shown]
    distinct = []
    for host in hosts:
        facts = tuple(_fact(host.get(key)) for key, _ in _HOST_LINES)
        if facts not in distinct:
            distinct.append(facts)
    rows = [
        (name, *(facts[at] for facts in distinct[:_MOST_MAPS]))
        for at, (_, name) in enumerate(_HOST_LINES)
        if any(facts[at] for facts in distinct)
    ]
    return Table.of([Column(title, "left") for title in ("", *_heads(distinct))], rows)


def _heads(distinct: Sequence[object]) -> list[str]:
    shown = min(len(distinct), _MOST_MAPS)
    return ["this host"] if shown == 1 else [f"host {at + 1}" for at in range(shown)]


def _fact(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
