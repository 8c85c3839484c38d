"""What LoadGen must be told to expect, from what the closed loop gave just before; pure.

LoadGen generates all queries before it begins: as many as the target says the minimum duration
takes. A target that is too low a load ends in "Ran out of generated queries", one that is far too
high fills the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from r50bench.errors import RunFailed
from r50bench.load import LoadgenPlan
from r50bench.mlperf.run.queueing import Service, allowed_late_share, sustainable_rate
from r50bench.mlperf.run.ways_out import without_server
from r50bench.mlperf_rules import PERCENTILE
from r50bench.notices import Notice
from r50bench.results.samples import Samples
from r50bench.results.stats import Floats
from r50bench.results.timeline import throughput, windows

__all__ = ["RawFigures", "raw_figures", "with_target"]

_NS_PER_MS = 1e6
_OFFLINE_SLACK = 1.05  # on top of the 10 % that LoadGen adds itself
_LATENCY_SLACK = 0.6  # a latency that no query undercuts for long
_SERVER_SHARE = 0.5  # of what the simulated queue allows: late queries come in clusters
_LEAST_SHARE = 0.9  # of what the queue would allow without hiccups: they come at any rate
_POOR_GUESS = 1.5
_LATE_SHARE = 1 - PERCENTILE["Server"] / 100


@dataclass(frozen=True)
class RawFigures:
    """What the closed loop gave on the warm instances.

    ``throughput`` in samples/s over all instances; ``latency_ns`` of one query at the scenario's
    percentile (the median in Offline) and ``median_ns``, which a hiccup of the machine does not
    move.
    """

    throughput: float
    latency_ns: int
    median_ns: int


def raw_figures(samples: Samples, settings: LoadgenPlan, batch_size: int) -> RawFigures:
    """Derives the figures from the loop's samples.

    Percentiles are those of each round, averaged: pooled, a round on slower clocks would give the
    high ones alone. A query of MultiStream that one batch of each instance cannot hold takes
    several.

    Raises:
        RunFailed: the instances never ran at the same time.
    """
    common = windows(samples)
    if common is None:
        raise RunFailed(
            "the instances never ran at the same time in the closed loop beside LoadGen",
            hint="another load on this machine: see 'r50bench run' for its warnings",
        )
    queries = [_query_latencies(part, settings, batch_size) for part in _by_round(samples)]
    percent = PERCENTILE.get(settings.scenario, 50.0)
    return RawFigures(
        throughput=throughput(samples, common).value,
        latency_ns=round(float(np.mean([np.percentile(one, percent) for one in queries]))),
        median_ns=round(float(np.mean([np.median(one) for one in queries]))),
    )


def _by_round(samples: Samples) -> list[Samples]:
    return [samples.where(samples.round == number) for number in samples.rounds]


def _query_latencies(samples: Samples, settings: LoadgenPlan, batch_size: int) -> Floats:
    """Returns what queries would have taken, in ns: a batch each, but for MultiStream.

    There a query takes some batches of every instance, one after the other, and ends with the last
    instance's.
    """
    if settings.scenario != "MultiStream":
        return samples.latency_ns.astype(np.float64)
    batches = -(-settings.samples_per_query // (len(samples.instances) * batch_size))
    rows = [samples.latency_ns[samples.instance == one] for one in samples.instances]
    shortest = min(map(len, rows))
    if shortest < batches:
        return batches * samples.latency_ns.astype(np.float64)
    sums = [np.convolve(row, np.ones(batches), "valid")[: shortest - batches + 1] for row in rows]
    slowest: Floats = np.max(sums, axis=0)
    return slowest


def with_target(
    settings: LoadgenPlan, raw: RawFigures, service: Service | None = None
) -> tuple[LoadgenPlan, tuple[Notice, ...]]:
    """Returns the settings with a target, and what is to be said of the one that was given.

    A target that was given is kept, but for one: Offline, SingleStream and MultiStream take it
    only to generate enough queries, and one that would give too few is raised to what was measured.
    Server's follows from ``service``, which it needs.

    Raises:
        RunFailed: no rate of Server meets its bound.
    """
    if settings.scenario == "Server":
        if service is None:
            raise ValueError("Server's rate follows from service times, and none are given")
        return _with_rate(settings, raw, service)
    if settings.scenario == "Offline":
        return _with_throughput(settings, raw.throughput)
    return _with_latency(settings, raw.median_ns / _NS_PER_MS)


def _with_throughput(
    settings: LoadgenPlan, measured: float
) -> tuple[LoadgenPlan, tuple[Notice, ...]]:
    given, needed = settings.target_qps, measured * _OFFLINE_SLACK
    if given is None:
        return replace(settings, target_qps=needed), ()
    said = f"loadgen_target_qps={given:g} where {measured:.4g} samples/s were measured"
    if given < measured:
        short = f"LoadGen would run out of samples before {settings.duration_s:g} s"
        return replace(settings, target_qps=needed), (
            _poor_target(f"{said}: {short}; it gets {needed:.4g}"),
        )
    if given > _POOR_GUESS * measured:
        longer = given / measured
        return settings, (
            _poor_target(f"{said}: the run takes {longer:.1f} times as long as it must"),
        )
    return settings, ()


def _with_latency(
    settings: LoadgenPlan, measured_ms: float
) -> tuple[LoadgenPlan, tuple[Notice, ...]]:
    given, needed = settings.target_latency_ms, measured_ms * _LATENCY_SLACK
    if given is None:
        return replace(settings, target_latency_ms=needed), ()
    said = f"loadgen_target_latency={given:g} ms where {measured_ms:.4g} ms were measured"
    if given > measured_ms:
        short = f"LoadGen would run out of queries before {settings.duration_s:g} s"
        return replace(settings, target_latency_ms=needed), (
            _poor_target(f"{said}: {short}; it gets {needed:.4g}"),
        )
    if given * _POOR_GUESS < measured_ms:
        return settings, (_poor_target(f"{said}: LoadGen generates more queries than it needs"),)
    return settings, ()


def _with_rate(
    settings: LoadgenPlan, raw: RawFigures, service: Service
) -> tuple[LoadgenPlan, tuple[Notice, ...]]:
    assert settings.target_latency_ms is not None
    batch_ms = float(np.median(service.batches_ns)) / _NS_PER_MS
    bound_ms = settings.target_latency_ms
    hopeless = batch_ms >= bound_ms
    if hopeless and settings.target_qps is None:
        raise RunFailed(
            f"one batch takes {batch_ms:.1f} ms here, and Server's bound is {bound_ms:g} ms: no"
            " rate can be valid",
            hint=f"{_quicker(service)} or a faster --precision; a rate of your own (--target-qps)"
            f" is run nevertheless; {without_server()}",
        )
    possible = 0.0 if hopeless else _sustainable_rate(settings, service)
    said: tuple[Notice, ...] = ()
    late = float(np.mean(service.batches_ns > bound_ms * _NS_PER_MS))
    if late > _LATE_SHARE:
        found = (
            f"single queries take {batch_ms:.1f} ms, and {100 * late:.1f} % of them over"
            f" {bound_ms:g} ms"
        )
        text = f"{found}: hardly any rate is likely to meet the bound here"
        said = (Notice("latency-bound", text, _quicker(service)),)
    if settings.target_qps is None:
        return replace(settings, target_qps=_SERVER_SHARE * possible), said
    return settings, (*said, *_on_given_rate(settings.target_qps, possible, raw.throughput))


def _quicker(service: Service) -> str:
    """Returns what makes batches shorter."""
    cores = "more --cores-per-instance"
    return cores if service.batch_size == 1 else f"a smaller --batch-size, {cores}"


def _on_given_rate(given: float, possible: float, capacity: float) -> Iterator[Notice]:
    said = f"loadgen_target_qps={given:g}"
    if given > capacity:
        yield _poor_target(
            f"{said} is more than the {capacity:.4g} samples/s measured: the queue can only grow"
        )
    elif possible == 0:
        return  # the latency bound is what is said of it
    elif given > _POOR_GUESS * possible:
        yield _poor_target(
            f"{said} is far above the {possible:.4g}/s that the latency bound is likely to allow"
        )
    elif given * _POOR_GUESS < possible:
        yield _poor_target(
            f"{said} is far below the {possible:.4g}/s that the latency bound is likely to allow"
        )


def _poor_target(text: str) -> Notice:
    return Notice("poor-target", text, "leave it out: it is measured then")


def _sustainable_rate(settings: LoadgenPlan, service: Service) -> float:
    """Returns the likely rate, and nearly that of batches within the bound alone at least.

    Batches beyond the bound make queries late at any rate; a much lower one would not help.
    """
    assert settings.target_latency_ms is not None
    bound_ns = settings.target_latency_ms * _NS_PER_MS
    likely = _likely_rate(settings, service, bound_ns)
    in_time = service.batches_ns <= bound_ns
    if np.all(in_time):
        return likely
    steady = replace(service, batches_ns=service.batches_ns[in_time])
    return max(likely, _LEAST_SHARE * _likely_rate(settings, steady, bound_ns))


def _likely_rate(settings: LoadgenPlan, service: Service, bound_ns: float) -> float:
    """Returns the rate, in queries/s, at which a run as long as this one is likely to be valid.

    The fewer queries a run has, the fewer of them may be late. Where hiccups alone make more late
    than that, it is the rate at which 1 % are: a longer run would be valid there. 0 where none is.
    """
    at_one_per_cent = sustainable_rate(service, bound_ns, _LATE_SHARE)
    queries = max(settings.query_count, round(at_one_per_cent * settings.duration_s))
    return sustainable_rate(service, bound_ns, allowed_late_share(queries)) or at_one_per_cent
