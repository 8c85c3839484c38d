"""What a request for a LoadGen run leaves open, and where it falls short of its round; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from r50bench.case import Case
from r50bench.engines.registry import recorded_engine
from r50bench.errors import UsageError
from r50bench.load import LoadgenPlan, LoadgenSettings
from r50bench.mlperf_rules import COMPLETE_DATASET, round_of

__all__ = ["Least", "fill_in", "least_count", "least_duration", "no_result_of", "shortfalls"]

_RULES = "MLPerf's rules"
_ASKED = "as asked"

_SHORT_COUNT = {"Offline": 1, "Server": 2500}
_QUICK_DURATION_S = 5.0

# LoadGen accepts no 99th percentile of fewer than 459 queries, and each late one costs it some 190
# others. Of fewer than 662 it estimates none.
_WHY_SHORT_COUNT = {
    "Offline": "a short run need not be MLPerf's",
    "SingleStream": _RULES,
    "MultiStream": "LoadGen estimates no 99th percentile of fewer",
    "Server": "of fewer, LoadGen accepts hardly a late one",
}


@dataclass(frozen=True)
class Least:
    """The least that LoadGen is to do, in seconds or in queries, and ``why``."""

    value: float
    why: str


def least_duration(settings: LoadgenSettings) -> Least:
    """Returns how many seconds a run must last."""
    if settings.duration_s is not None:
        return Least(settings.duration_s, _ASKED)
    if settings.quick:
        return Least(_QUICK_DURATION_S, "a quick run")
    return Least(round_of(settings.seeds).duration_s, _RULES)


def least_count(settings: LoadgenSettings) -> Least:
    """Returns how many queries a run must have, or samples in Offline.

    A shortened Offline run needs no official count, and a shortened Server run needs more than a
    few seconds of a low rate hold.
    """
    if settings.query_count is not None:
        return Least(settings.query_count, _ASKED)
    official = round_of(settings.seeds)
    count, scenario = official.counts[settings.scenario], settings.scenario
    if least_duration(settings).value < official.duration_s:
        return Least(_SHORT_COUNT.get(scenario, count), _WHY_SHORT_COUNT[scenario])
    return Least(count, _RULES)


def fill_in(settings: LoadgenSettings, pictures: int) -> LoadgenPlan:
    """Returns the settings with data set, duration, count and Server's bound filled in.

    Only targets stay open.

    Raises:
        UsageError: the data set holds fewer pictures than were asked, or than TEST04 needs.
    """
    official = round_of(settings.seeds)
    size = settings.dataset_size or pictures
    if size > pictures:
        raise UsageError(
            f"loadgen_dataset_size={size}, and the data set holds {pictures} pictures",
            hint=f"name a folder with {size} or more labelled pictures of ImageNet: --dataset DIR,"
            " dataset=DIR in a query, or R50BENCH_DATASET=DIR in the environment",
        )
    audit = official.audits.get(settings.compliance_test, {})
    repeated = audit.get("performance_issue_same_index", 0)
    if size <= repeated:
        raise UsageError(
            f"{settings.compliance_test} repeats picture {repeated}, and loadgen_dataset_size is"
            f" {size}",
            hint="use more pictures",
        )
    bound = official.server_bound_ms if settings.scenario == "Server" else None
    known = {field.name: getattr(settings, field.name) for field in fields(LoadgenSettings)}
    filled_in = {
        "dataset_size": size,
        "buffer_size": min(settings.buffer_size, size),
        "duration_s": least_duration(settings).value,
        "query_count": int(least_count(settings).value),
        "target_latency_ms": settings.target_latency_ms or bound,
    }
    return LoadgenPlan(**known | filled_in)


def no_result_of(case: Case) -> tuple[str, ...]:
    """Returns what keeps a run of ``case`` from complying, whatever its settings; () if nothing."""
    reasons = {
        "the fake engine ran no model": recorded_engine(case.engine).scripted,
        "random weights": case.weights == "random",
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def shortfalls(settings: LoadgenPlan) -> tuple[str, ...]:
    """Returns what keeps a run with these settings, filled in, from complying; () if nothing."""
    return tuple(_shortfalls(settings))


def _shortfalls(settings: LoadgenPlan) -> Iterator[str]:
    official = round_of(settings.seeds)
    if settings.scores_accuracy and settings.dataset_size < COMPLETE_DATASET:
        yield f"{settings.dataset_size} of {COMPLETE_DATASET:,} pictures"
    if not settings.measures:
        return
    if settings.mode == "FindPeakPerformance":
        yield "a search is no submission: run PerformanceOnly at the target it found"
    if settings.duration_s < official.duration_s:
        yield f"{settings.duration_s:g} s instead of {official.duration_s:g}"
    if settings.query_count < official.counts[settings.scenario]:
        what = "samples" if settings.scenario == "Offline" else "queries"
        least = settings.query_count
        asked = f"at least {least:,} {what}" if least > 1 else f"any number of {what}"
        yield f"{asked} asked instead of at least {official.counts[settings.scenario]:,}"
    if settings.buffer_size < official.performance_pictures:
        pictures = official.performance_pictures
        yield f"a performance set of {settings.buffer_size} pictures instead of {pictures}"
    per_query, asked_per_query = official.samples_per_query, settings.samples_per_query
    if settings.scenario == "MultiStream" and asked_per_query != per_query:
        yield f"{asked_per_query} samples a query instead of {per_query}"
    bound = official.server_bound_ms
    if settings.scenario == "Server" and settings.target_latency_ms != bound:
        yield f"a bound of {settings.target_latency_ms:g} ms instead of {bound:g}"
