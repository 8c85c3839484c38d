"""What LoadGen's targets follow from: settings that are filled in, and figures of a closed loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from r50bench.load import LoadgenSettings
from r50bench.mlperf.run.official_settings import fill_in
from r50bench.mlperf.run.queueing import Service
from r50bench.mlperf.run.targets import RawFigures

__all__ = ["MS", "filled", "raw", "service"]

MS = 1_000_000


def filled(scenario: str, **given: Any) -> LoadgenSettings:
    """The official settings of a run that is timed on 2,000 pictures, with what is given."""
    return fill_in(LoadgenSettings(scenario=scenario, mode="PerformanceOnly", **given), 2000)


def raw(throughput: float = 100.0, latency_ms: float = 10.0) -> RawFigures:
    """Figures whose percentiles are all the same."""
    nanoseconds = round(latency_ms * MS)
    return RawFigures(throughput, nanoseconds, nanoseconds)


def service(latency_ms: float = 10.0, instances: int = 1) -> Service:
    """Instances that take a query at a time, and always as long for it."""
    return Service(np.full(50, round(latency_ms * MS)), instances, batch_size=1)
