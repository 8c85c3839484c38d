"""The highest figure that LoadGen calls valid, and the log that proves it.

Server's rate is searched by LoadGen itself, in short tests, and what it finds is confirmed by a
whole PerformanceOnly test. In the other scenarios the target only says how many queries to
generate: a test whose figure outran its target is repeated with a better one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from r50bench.errors import RunFailed
from r50bench.loadgen_settings import LoadgenSettings
from r50bench.measure.loadgen.logs import Detail
from r50bench.measure.loadgen.result import score_of

__all__ = ["Search", "find_peak"]

Search = tuple[tuple[float, str, float], ...]
"""(target, verdict, score) of each test, in order."""

_MOST_TESTS = 6
_STEP_DOWN = 0.95  # from a rate that a longer test could not confirm
_BEGIN_AT = 0.5  # LoadGen doubles from there, and gives up if that is already too much
_PROBE_S = (5.0, 60.0)
_PROBE_SHARE = 0.1
_SLACK = 1.05


def find_peak(
    settings: LoadgenSettings, test: Callable[[LoadgenSettings, str], Detail]
) -> tuple[LoadgenSettings, Detail, Search]:
    """Returns the settings and the log of the best valid test, and all tests that led to it.

    ``settings`` have a target; ``test`` runs one and its logs are the last ones kept, which are
    those of the test returned. The settings returned keep the mode FindPeakPerformance.

    Raises:
        RunFailed: no target was valid.
    """
    found = _server_rate(settings, test) if settings.scenario == "Server" else settings
    search: list[tuple[float, str, float]] = []
    for number in range(1, _MOST_TESTS + 1):
        detail = test(replace(found, mode="PerformanceOnly"), f"test {number} of the search")
        score = score_of(found, detail)
        search.append((_target(found), detail.verdict, score))
        if detail.verdict == "VALID":
            return found, detail, tuple(search)
        found = _next(found, score)
    tried = ", ".join(f"{target:.4g}" for target, _, _ in search)
    raise RunFailed(
        f"LoadGen called none of the targets valid: {tried}",
        hint="its logs lie in loadgen/ of the run's folder; a longer --duration evens out hiccups",
    )


def _server_rate(
    settings: LoadgenSettings, test: Callable[[LoadgenSettings, str], Detail]
) -> LoadgenSettings:
    """Has LoadGen search; where even its first rate is too much, half of that is the answer."""
    assert settings.target_qps is not None
    assert settings.duration_s is not None
    least, most = _PROBE_S
    probe = replace(
        settings,
        target_qps=settings.target_qps * _BEGIN_AT,
        duration_s=min(max(least, settings.duration_s * _PROBE_SHARE), most, settings.duration_s),
    )
    detail = test(probe, "LoadGen's own search")
    return replace(settings, target_qps=detail.peak or settings.target_qps * _BEGIN_AT**2)


def _target(settings: LoadgenSettings) -> float:
    target = settings.target_qps or settings.target_latency_ms
    assert target is not None
    return target


def _next(settings: LoadgenSettings, score: float) -> LoadgenSettings:
    """Returns the settings for the test after one that was not valid."""
    if settings.scenario == "Server":
        assert settings.target_qps is not None
        return replace(settings, target_qps=settings.target_qps * _STEP_DOWN)
    if settings.scenario == "Offline":
        return replace(settings, target_qps=max(score, settings.target_qps or 0) * _SLACK)
    assert settings.target_latency_ms is not None
    return replace(settings, target_latency_ms=settings.target_latency_ms / 2)
