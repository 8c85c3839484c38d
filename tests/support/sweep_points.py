"""Points of a sweep as they are known when it is over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from r50bench.planning.effective_case import EffectiveCase
from r50bench.sweep.plan import SweepPoint
from r50bench.sweep.results import PointResult, point_result
from support.records import case_of, record_of, samples_of_latencies


def point(
    batch: int,
    latency_ms: float,
    *,
    mode: str = "throughput",
    passes: int = 1,
    steps: int = 10,
    jitter_ms: float = 0.0,
    **changes: object,
) -> PointResult:
    """Returns a measured point of one instance whose batches take ``latency_ms``.

    Every second of its ``steps`` takes ``jitter_ms`` more, every other as much less.
    """
    case = replace(case_of(mode, batch_size=batch, instances=1), **changes)  # type: ignore[arg-type]
    effective = EffectiveCase(case, (), {})
    planned = SweepPoint(case.name, (("BATCH_SIZE", str(batch)),), effective)
    record = replace(record_of(case=case), case=case)
    latencies = [latency_ms + jitter_ms * (1, -1)[step % 2] for step in range(steps)]
    samples = samples_of_latencies([latencies], images=batch)
    runs = [(record, samples, Path(f"run-{number}")) for number in range(passes)]
    return point_result(planned, runs)


def refused(batch: int) -> PointResult:
    name, why = "inference_throughput_avx_int8", "does not fit"
    return PointResult(SweepPoint(name, (("BATCH_SIZE", str(batch)),), None, why), reason=why)


RESULTS = [point(1, 5), point(8, 20), point(16, 50), refused(99)]
