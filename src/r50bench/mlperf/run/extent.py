"""What a LoadGen run will ask, for how long, and why that long; pure.

It can be told before anything is prepared, and more of it once the instances were measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from r50bench.load import LoadgenSettings
from r50bench.mlperf.run.official_settings import Least, least_count, least_duration
from r50bench.mlperf.run.run_length import LOADGENS_SLACK, closed_loop_s, paced_s
from r50bench.mlperf.run.targets import RawFigures
from r50bench.planning.planned import Planned
from r50bench.wording import counted, figure

__all__ = ["Extent", "extent", "headline"]

_EXAMPLE_PER_S = {"Offline": 10.0, "SingleStream": 20.0, "MultiStream": 5.0, "Server": 20.0}
"""Queries a second of one slow core (samples in Offline), to show how a least count lengthens."""


@dataclass(frozen=True)
class Extent:
    """What runs and why so long, in one sentence.

    ``seconds`` is how long LoadGen takes, None where only a measurement will tell, and it takes
    ``least_s`` at least; ``beside_s`` how long the closed loops before and after it take.
    ``lengthened``: a least count has it last longer than its least duration.
    """

    text: str
    seconds: float | None
    least_s: float = 0.0
    beside_s: float = 0.0
    lengthened: bool = False

    def __str__(self) -> str:
        return self.text


def extent(settings: LoadgenSettings, raw: RawFigures | None = None) -> Extent:
    """Returns what ``settings`` come to, in which anything may be open.

    ``raw`` is what the closed loop gave on the warm instances, None before.
    """
    if not settings.measures:
        return _scoring(settings)
    duration, count = least_duration(settings), least_count(settings)
    of_duration, of_count = _seconds(settings, raw)
    seconds = None if of_count is None else max(of_duration, of_count)
    lengthened = of_count is not None and of_count > of_duration
    parts = [*_search(settings), _queries(settings, duration)]
    if count.value > 1:
        parts.append(_at_least(settings, count, of_duration, of_count))
    if settings.scores_accuracy:
        parts.insert(0, _scoring(settings).text)
        if raw is not None and seconds is not None and settings.dataset_size:
            possible = raw.throughput
            if settings.scenario == "Server" and settings.target_qps is not None:
                possible = min(possible, settings.target_qps)
            seconds += settings.dataset_size / possible
    beside = _beside(settings, duration.value)
    parts.append(f"beside it {figure(beside)} s of the closed loop")
    return Extent("; ".join(parts), seconds, duration.value, beside, lengthened)


def _scoring(settings: LoadgenSettings) -> Extent:
    size = settings.dataset_size
    which = f"of {counted(size, 'picture')}" if size else "picture of the data set"
    text = f"each {which} once"
    if settings.scenario == "Server" and settings.target_qps is not None:
        text += f", at {figure(settings.target_qps)}/s"
        if size:
            seconds = size / settings.target_qps
            return Extent(f"{text}, which takes {seconds:,.0f} s", seconds)
    return Extent(text, None)


def headline(planned: Planned) -> str:
    """Returns what a planned LoadGen run is, for how long it runs and why, in one line."""
    whole = extent(planned.loadgen)
    if whole.seconds is not None:
        about = f"LoadGen for about {whole.seconds:,.0f} s: "
    else:
        about = f"LoadGen for {whole.least_s:,.0f} s or more: " if whole.least_s else ""
    return f"{planned.name}: {about}{whole}"


def _seconds(settings: LoadgenSettings, raw: RawFigures | None) -> tuple[float, float | None]:
    """Returns how long the run lasts by its duration, and by its least count where that is known.

    Offline's one query is as large as its target says, and takes as long as it takes.
    """
    duration, count = least_duration(settings).value, least_count(settings).value
    rate = settings.target_qps
    if settings.scenario == "Server":
        return duration, None if rate is None else count / rate
    if settings.scenario == "Offline":
        possible = rate if raw is None else raw.throughput
        if possible is None:
            return LOADGENS_SLACK * duration, None
        wanted = possible if rate is None else rate
        return LOADGENS_SLACK * duration * wanted / possible, count / possible
    if raw is not None:
        return duration, count * raw.median_ns / 1e9
    expected_ms = settings.target_latency_ms
    return duration, None if expected_ms is None else count * expected_ms / 1e3


def _search(settings: LoadgenSettings) -> Iterator[str]:
    if settings.mode == "FindPeakPerformance":
        own = "LoadGen's own search, then " if settings.scenario == "Server" else ""
        yield f"{own}up to 8 tests, each of them as follows"


def _queries(settings: LoadgenSettings, duration: Least) -> str:
    seconds = f"{figure(duration.value)} s"
    at = "" if settings.target_qps is None else f" at {figure(settings.target_qps)}/s"
    match settings.scenario:
        case "Server":
            what = f"queries{at or ' at a rate that is measured first'} for {seconds}"
        case "Offline":
            what = f"as many samples as {seconds} hold{at}, and a tenth more"
        case "MultiStream":
            each = settings.samples_per_query
            what = f"queries of {each} samples, one after the other, for {seconds}"
        case _:
            what = f"queries one after the other for {seconds}"
    return f"{what} ({duration.why})"


def _at_least(
    settings: LoadgenSettings, count: Least, of_duration: float, of_count: float | None
) -> str:
    """Returns ``2,500 at least (why), which take 250 s``, or from where on they take longer."""
    text = f"{count.value:,.0f} at least ({count.why})"
    if of_count is not None:
        return text if of_count <= of_duration else f"{text}, which take {of_count:,.0f} s"
    most, example = count.value / of_duration, _EXAMPLE_PER_S[settings.scenario]
    if example >= most:
        return text
    if settings.scenario in ("SingleStream", "MultiStream"):
        limit, at = f"above {1e3 / most:.3g} ms each", f"{1e3 / example:g} ms"
    else:
        limit, at = f"below {most:.3g}/s", f"{example:g}/s"
    return f"{text}, which take longer {limit}: {count.value / example:,.0f} s at {at}"


def _beside(settings: LoadgenSettings, duration_s: float) -> float:
    paced = paced_s(duration_s) if settings.scenario == "Server" else 0.0
    return 2 * closed_loop_s(duration_s) + paced
