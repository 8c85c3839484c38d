"""How many queries LoadGen will generate, how long it takes, and when that is too much; pure."""

from __future__ import annotations

import math

from r50bench.errors import RunFailed
from r50bench.load import LoadgenPlan, LoadgenSettings
from r50bench.mlperf.run.queueing import allowed_late_share
from r50bench.mlperf.run.ways_out import without_server
from r50bench.mlperf_rules import round_of

__all__ = [
    "LOADGENS_SLACK",
    "closed_loop_s",
    "expected_samples",
    "paced_s",
    "refuse_hopeless_rate",
    "refuse_too_many_queries",
]

_BYTES_PER_QUERY = 380
"""What LoadGen 6.0 holds per generated sample, measured."""

_MEMORY_SHARE = 0.25

LOADGENS_SLACK = 1.1
"""By how much LoadGen makes Offline's one query longer than target and duration ask."""

_RAW_S, _RAW_SHARE = 4.0, 0.5  # a closed loop's seconds, and its share of a short run's
_PACED_S, _PACED_SHARE = 20.0, 4.0  # likewise with pauses: late batches are few and come in spells


def closed_loop_s(duration_s: float) -> float:
    """Returns for how many seconds the closed loop runs, before a run of LoadGen and after it."""
    return min(_RAW_S, _RAW_SHARE * duration_s)


def paced_s(duration_s: float) -> float:
    """Returns for how many seconds batches with pauses between them are timed before Server."""
    return min(_PACED_S, _PACED_SHARE * duration_s)


def expected_samples(settings: LoadgenPlan) -> int:
    """Returns how many samples LoadGen will generate, at least, for settings with a target."""
    if not settings.measures:
        return settings.dataset_size
    if settings.target_qps is not None:
        slack = LOADGENS_SLACK if settings.scenario == "Offline" else 1.0
        return max(settings.query_count, round(slack * settings.target_qps * settings.duration_s))
    assert settings.target_latency_ms is not None
    queries = math.ceil(1000 * settings.duration_s / settings.target_latency_ms)
    per_query = settings.samples_per_query if settings.scenario == "MultiStream" else 1
    return per_query * max(settings.query_count, queries)


def refuse_too_many_queries(settings: LoadgenPlan, memory_bytes: int) -> None:
    """Raises RunFailed where the queries that a target asks for would not fit into memory.

    ``memory_bytes`` is the host's, 0 where it is not known. Settings without a target pass.
    """
    server = settings.scenario == "Server"
    if settings.target_qps is None and (server or settings.target_latency_ms is None):
        return
    needed = expected_samples(settings) * _BYTES_PER_QUERY
    if memory_bytes and needed > _MEMORY_SHARE * memory_bytes:
        raise RunFailed(
            f"LoadGen would generate {expected_samples(settings):,} queries for"
            f" {_target_words(settings)} over {settings.duration_s:g} s:"
            f" about {needed / 2**30:,.0f} GiB, of which this host can spare"
            f" {_MEMORY_SHARE * memory_bytes / 2**30:,.1f}",
            hint="leave the target out: it is measured then",
        )


def refuse_hopeless_rate(asked: LoadgenSettings, settings: LoadgenPlan) -> None:
    """Raises RunFailed where the rate measured for Server is so low that not even a run of MLPerf's
    length would hold as many queries as LoadGen's early stopping takes.

    A rate or a count of queries in ``asked`` is the user's to give, however long it takes.
    """
    if settings.scenario != "Server" or asked.target_qps or asked.query_count:
        return
    assert settings.target_qps is not None
    seconds = max(round_of(settings.seeds).duration_s, settings.duration_s)
    queries = round(seconds * settings.target_qps)
    if allowed_late_share(queries) == 0.0:
        raise RunFailed(
            f"hardly any rate is likely to meet the bound of {settings.target_latency_ms:g} ms"
            f" here: at {settings.target_qps:.2g} queries/s, which may, {seconds:g} s hold"
            f" {queries} queries, too few for LoadGen to accept their 99th percentile",
            hint="run it while nothing else runs, with a faster --precision or more"
            " --cores-per-instance; or try a rate of your own with --target-qps, or wait for more"
            f" queries with --query-count; {without_server()}",
        )


def _target_words(settings: LoadgenPlan) -> str:
    if settings.target_qps is not None:
        return f"loadgen_target_qps={settings.target_qps:g}"
    return f"loadgen_target_latency={settings.target_latency_ms:g}"
