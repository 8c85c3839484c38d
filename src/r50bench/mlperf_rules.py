"""What MLPerf asks of a resnet50 run, what a request makes of it, and where it falls short; pure.

The figures are those of the mlperf.conf that LoadGen 6.0 carries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from r50bench.errors import UsageError
from r50bench.loadgen_settings import LoadgenSettings

__all__ = [
    "COMPLETE_DATASET",
    "OFFICIAL_BOUND_MS",
    "OFFICIAL_DURATION_S",
    "PERCENTILE",
    "fill_in",
    "shortfalls",
]

OFFICIAL_BOUND_MS = 15.0
"""Server's latency bound, at the 99th percentile."""

OFFICIAL_DURATION_S = 600.0
"""How long LoadGen must run at least."""

COMPLETE_DATASET = 50_000
"""Pictures of ImageNet's validation set."""

PERCENTILE = {"SingleStream": 90.0, "MultiStream": 99.0, "Server": 99.0}
"""The percentile of the scenario's latency; Offline has none."""

_OFFICIAL_COUNT = {"Offline": 24_576, "SingleStream": 100, "MultiStream": 662, "Server": 100}
# LoadGen accepts no 99th percentile of fewer than about 460 queries, and one late query more costs
# it some 190 others.
_SHORT_COUNT = {"Offline": 1, "Server": 2500}
_PERFORMANCE_SET = 1024
_OFFICIAL_SAMPLES_PER_QUERY = 8
_QUICK_DURATION_S = 5.0
_TEST04_PICTURE = 3  # performance_issue_same_index of MLPerf's TEST04


def fill_in(settings: LoadgenSettings, pictures: int) -> LoadgenSettings:
    """Returns the settings with data set, duration, count and Server's bound filled in.

    Only targets stay open. A shortened Offline run needs no official count of samples, and a
    shortened Server run needs more queries than a few seconds of a low rate hold.

    Raises:
        UsageError: the data set holds fewer pictures than were asked, or than TEST04 needs.
    """
    size = settings.dataset_size or pictures
    if size > pictures:
        raise UsageError(
            f"loadgen_dataset_size={size}, and the data set holds {pictures} pictures",
            hint=f"name a folder with {size} or more labelled pictures of ImageNet:"
            " --dataset DIR, or R50BENCH_DATASET=DIR in the environment",
        )
    if settings.compliance_test == "TEST04" and size <= _TEST04_PICTURE:
        raise UsageError(
            f"TEST04 repeats picture {_TEST04_PICTURE}, and loadgen_dataset_size is {size}",
            hint="use more pictures",
        )
    duration = settings.duration_s or (_QUICK_DURATION_S if settings.quick else None)
    shortened = duration is not None and duration < OFFICIAL_DURATION_S
    count = _SHORT_COUNT.get(settings.scenario) if shortened else None
    bound = OFFICIAL_BOUND_MS if settings.scenario == "Server" else None
    return replace(
        settings,
        dataset_size=size,
        buffer_size=min(settings.buffer_size, size),
        duration_s=duration or OFFICIAL_DURATION_S,
        query_count=settings.query_count or count or _OFFICIAL_COUNT[settings.scenario],
        target_latency_ms=settings.target_latency_ms or bound,
    )


def shortfalls(settings: LoadgenSettings) -> tuple[str, ...]:
    """Returns what keeps a run with these settings, filled in, from complying; () if nothing."""
    return tuple(_shortfalls(settings))


def _shortfalls(settings: LoadgenSettings) -> Iterator[str]:
    assert settings.duration_s is not None
    assert settings.query_count is not None
    assert settings.dataset_size is not None
    if settings.scores_accuracy and settings.dataset_size < COMPLETE_DATASET:
        yield f"{settings.dataset_size} of {COMPLETE_DATASET:,} pictures"
    if not settings.measures:
        return
    if settings.mode == "FindPeakPerformance":
        yield "a search is no submission: run PerformanceOnly at the target it found"
    if settings.duration_s < OFFICIAL_DURATION_S:
        yield f"{settings.duration_s:g} s instead of {OFFICIAL_DURATION_S:g}"
    if settings.query_count < _OFFICIAL_COUNT[settings.scenario]:
        official = _OFFICIAL_COUNT[settings.scenario]
        what = "samples" if settings.scenario == "Offline" else "queries"
        least = settings.query_count
        asked = f"at least {least:,} {what}" if least > 1 else f"any number of {what}"
        yield f"{asked} asked instead of at least {official:,}"
    if settings.buffer_size < _PERFORMANCE_SET:
        yield f"a performance set of {settings.buffer_size} pictures instead of {_PERFORMANCE_SET}"
    if (
        settings.scenario == "MultiStream"
        and settings.samples_per_query != _OFFICIAL_SAMPLES_PER_QUERY
    ):
        official = _OFFICIAL_SAMPLES_PER_QUERY
        yield f"{settings.samples_per_query} samples a query instead of {official}"
    if settings.scenario == "Server" and settings.target_latency_ms != OFFICIAL_BOUND_MS:
        yield f"a bound of {settings.target_latency_ms:g} ms instead of {OFFICIAL_BOUND_MS:g}"
