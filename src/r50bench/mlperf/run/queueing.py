"""Which rate of queries a measured service can bear within a latency bound, by simulation; pure.

Queries arrive at random (a Poisson process, as LoadGen's Server sends them), wait in one queue, and
are served first come, first served, by instances that take up to a batch of what waits. Service
times are drawn from those that were measured, so that their hiccups count as often as they were
seen.
"""

from __future__ import annotations

import bisect
import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from r50bench.mlperf_rules import PERCENTILE

__all__ = ["Service", "allowed_late_share", "late_share", "sustainable_rate"]

_CONFIDENCE = 0.99  # of LoadGen's early stopping
_QUERIES = 20_000
_SEED = 1
_HALVINGS = 14
_MOST_OF_CAPACITY = 0.99
_LIKELY = 0.9


def allowed_late_share(queries: int) -> float:
    """Returns the true share of late queries at which a run of ``queries`` is likely to be valid.

    LoadGen's early stopping accepts t late queries of n where so few would come by luck, at a true
    share of 1 %, in 1 % of all runs: binomial(t; n, 0.01) ≤ 0.01. The share returned is that at
    which t or fewer come in 90 % of all runs; 0 where n is too small to be accepted at all.
    """

    from scipy.special import bdtr, bdtri  # a third of a second, which no help should wait for

    def luck(late: int) -> float:
        return float(bdtr(late, queries, 1 - PERCENTILE["Server"] / 100))

    late = bisect.bisect_right(range(queries), 1 - _CONFIDENCE, key=luck) - 1
    return float(bdtri(late, queries, _LIKELY)) if late >= 0 else 0.0


@dataclass(frozen=True)
class Service:
    """``instances`` that serve up to ``batch_size`` queries at once, in ``batches_ns`` measured.

    A batch takes as long however many of its places are taken.
    """

    batches_ns: NDArray[np.int64]
    instances: int
    batch_size: int

    @property
    def capacity(self) -> float:
        """Queries a second with no place and no moment empty."""
        return self.instances * self.batch_size * 1e9 / float(np.mean(self.batches_ns))


def late_share(service: Service, rate: float, bound_ns: float) -> float:
    """Returns the share of queries, sent at ``rate`` a second, that are answered too late."""
    random = np.random.default_rng(_SEED)
    arrivals = np.cumsum(random.exponential(1e9 / rate, _QUERIES)).tolist()
    durations = random.choice(service.batches_ns, _QUERIES).tolist()
    free = [0.0] * service.instances
    late = at = 0
    while at < _QUERIES:
        begin = max(heapq.heappop(free), arrivals[at])
        end = begin + durations[at]
        heapq.heappush(free, end)
        batch_end = min(at + service.batch_size, _QUERIES)
        while at < batch_end and arrivals[at] <= begin:
            late += end - arrivals[at] > bound_ns
            at += 1
    return late / _QUERIES


def sustainable_rate(service: Service, bound_ns: float, allowed: float) -> float:
    """Returns the highest rate, in queries a second, at which no more than ``allowed`` are late.

    0 where even single queries, far apart, are late that often.
    """
    low, high = 0.0, _MOST_OF_CAPACITY * service.capacity
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if late_share(service, middle, bound_ns) <= allowed:
            low = middle
        else:
            high = middle
    return low
