"""From LoadGen's detail log and the closed loop's figures to the result in the record; pure."""

from __future__ import annotations

from typing import Literal, cast

from r50bench.case import Case
from r50bench.load import LoadgenPlan
from r50bench.mlperf.run.logs import Detail
from r50bench.mlperf.run.official_settings import no_result_of, shortfalls
from r50bench.mlperf.run.targets import RawFigures
from r50bench.mlperf_rules import PERCENTILE
from r50bench.results.kpi import ACCURACY
from r50bench.results.record import LoadgenResult

__all__ = ["SCORES", "result_of", "score_of"]

SCORES = {
    "Offline": ("result_samples_per_second", "Offline Throughput", "samples/s"),
    "Server": ("result_completed_samples_per_sec", "Server Completed Throughput", "samples/s"),
    "SingleStream": ("early_stopping_latency_ss", "SingleStream P90 Latency Estimate", "ns"),
    "MultiStream": ("early_stopping_latency_ms", "MultiStream P99 Latency Estimate", "ns"),
}
"""LoadGen's key of a scenario's score, its name and its unit."""

_NS_PER_MS = 1e6


def score_of(settings: LoadgenPlan, detail: Detail) -> float:
    return detail.figure(SCORES[settings.scenario][0])


def result_of(
    settings: LoadgenPlan, case: Case, detail: Detail, raw: RawFigures | None, version: str
) -> LoadgenResult:
    """Returns what goes into the record."""
    short = (*shortfalls(settings), *no_result_of(case))
    _, name, unit = SCORES[settings.scenario]
    if not settings.measures:
        return LoadgenResult(
            settings=settings.recorded,
            version=version,
            verdict="",
            score=None,
            score_name=ACCURACY,
            score_unit="%",
            errors=detail.errors,
            warnings=detail.warnings,
            compliant=not short,
            why_not_compliant="; ".join(short),
        )
    assert raw is not None
    percentiles = detail.percentiles_ns(per_query=settings.scenario == "MultiStream")
    score = score_of(settings, detail)
    server = settings.scenario == "Server"
    return LoadgenResult(
        settings=settings.recorded,
        version=version,
        verdict=cast(Literal["VALID", "INVALID"], detail.verdict or "INVALID"),
        score=score,
        score_name=name,
        score_unit=unit,
        percentiles_ns={} if settings.scenario == "Offline" else percentiles,
        bound_ns=round((settings.target_latency_ms or 0) * _NS_PER_MS) if server else None,
        errors=detail.errors,
        warnings=detail.warnings,
        compliant=not short,
        why_not_compliant="; ".join(short),
        raw_throughput=raw.throughput,
        raw_latency_ns=raw.latency_ns,
        overhead=_overhead(settings.scenario, score, percentiles, raw),
    )


def _overhead(
    scenario: str, score: float, percentiles: dict[str, int], raw: RawFigures
) -> float | None:
    """Returns what LoadGen and the harness cost, as a share; None for Server, which waits."""
    if scenario == "Offline":
        return 1 - score / raw.throughput
    if scenario == "Server":
        return None
    return percentiles[f"{PERCENTILE[scenario]:.2f}"] / raw.latency_ns - 1
