"""The page of a sweep: throughput against latency as a picture, and the tables below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from r50bench.campaign.sweep import describe
from r50bench.campaign.sweep_results import LATENCY, THROUGHPUT, PointResult, front
from r50bench.report.numbers import with_interval
from r50bench.report.scatter import Mark, Scatter, scatter_svg
from r50bench.report.sweep import sweep_text
from r50bench.report.what_ran import what_ran
from r50bench.results.kpi import Kpi

__all__ = ["sweep_page", "sweep_plots"]

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>r50bench sweep</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 14px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto }}
svg {{ width: 100%; height: auto }}
pre {{ font: 12px/1.4 ui-monospace, monospace; overflow-x: auto }}
</style>
<h1>r50bench sweep</h1>
<p>{heading}</p>
{plots}
<pre>{tables}</pre>
</html>
"""


def sweep_page(results: Sequence[PointResult], passes: int) -> str:
    """Returns a page that needs nothing beside itself, and no script."""
    records = [one.record for one in results if one.record is not None]
    return _PAGE.format(
        heading=escape(what_ran(records, 10_000)) if records else "",
        plots="\n".join(scatter_svg(plot) for plot in sweep_plots(results)),
        tables=escape(sweep_text(results, passes)),
    )


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
