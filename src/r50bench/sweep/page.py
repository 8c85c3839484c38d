"""The page of a sweep: throughput against latency as a picture, and the tables below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from r50bench.report.page import Section, page, pictures, tables
from r50bench.report.scatter import Mark, Scatter, scatter_svg
from r50bench.report.what_ran import what_ran
from r50bench.results.kpi import LATENCY, THROUGHPUT, Kpi
from r50bench.sweep.results import PointResult, front
from r50bench.sweep.run import describe
from r50bench.sweep.text import reasons, sweep_tables
from r50bench.wording import with_interval

__all__ = ["sweep_page", "sweep_plots", "sweep_sections"]


def sweep_page(results: Sequence[PointResult], passes: int) -> str:
    """Returns the page of a sweep that goes on, as HTML: what is known of its points so far."""
    records = [one.record for one in results if one.record is not None]
    return page(
        "r50bench sweep",
        what_ran(records, 10_000) if records else "",
        sweep_sections(results, passes),
        reasons(results),
    )


def sweep_sections(results: Sequence[PointResult], passes: int) -> list[Section]:
    """Returns the fronts as pictures, and the tables of all points."""
    plots = [scatter_svg(plot) for plot in sweep_plots(results)]
    return [
        pictures("What throughput costs in latency", plots),
        tables("The points of the sweep", sweep_tables(results, passes)),
    ]


def sweep_plots(results: Sequence[PointResult]) -> Iterator[Scatter]:
    """Yields a plot for each mode that was timed, with a series for each precision."""
    timed = [one for one in results if THROUGHPUT in one.figures and LATENCY in one.figures]
    for mode in dict.fromkeys(one.record.case.mode for one in timed if one.record):
        of_mode = [one for one in timed if one.record and one.record.case.mode == mode]
        yield Scatter(
            title=f"{mode}: what throughput costs in latency",
            key="batch size / cores per instance",
            x_title="average latency of a batch, ms (logarithmic)",
            y_title="throughput, img/s",
            marks=tuple(_marks(of_mode)),
        )


def _marks(results: Sequence[PointResult]) -> Iterator[Mark]:
    precisions = dict.fromkeys(one.record.case.precision for one in results if one.record)
    for precision in precisions:
        series = [one for one in results if one.record and one.record.case.precision == precision]
        ahead = {id(one) for one in front(series)}
        for one in series:
            throughput, latency = one.figures[THROUGHPUT], one.figures[LATENCY]
            assert one.record is not None
            case = one.record.case
            yield Mark(
                series=precision,
                x=latency.value,
                y=throughput.value,
                label=f"{case.batch_size} / {case.cores_per_instance}",
                tooltip=f"{describe(one.point)}: {_text(throughput)}, {_text(latency)}",
                ahead=id(one) in ahead,
                y_low=throughput.low,
                y_high=throughput.high,
            )


def _text(kpi: Kpi) -> str:
    return f"{with_interval(kpi.value, kpi.half_width)} {kpi.unit}"
