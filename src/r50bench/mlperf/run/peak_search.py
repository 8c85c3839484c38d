"""The highest figure that LoadGen calls valid, and the log that proves it.

Server's rate is searched by LoadGen itself, in short tests: up in steps of a quarter while they are
valid, then by halving what lies between. What it finds is confirmed by whole
PerformanceOnly tests: where the first is not valid, lower rates are tried, then rates between. In
the other scenarios the target only says how many queries to generate: a test whose figure outran
its target is repeated with a better one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from r50bench.errors import RunFailed
from r50bench.load import LoadgenPlan
from r50bench.mlperf.run.logs import Detail
from r50bench.mlperf.run.result import score_of

__all__ = ["Search", "Test", "find_peak"]

Search = tuple[tuple[float, str, float], ...]
"""(target, verdict, score) of each test, in order."""

Test = Callable[[LoadgenPlan, str], Detail]
"""Runs a test, named for people, and returns its log."""

_STEPS_DOWN = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65)  # from a rate that was not confirmed
_CLOSE_ENOUGH = 1.05  # between a valid rate and one that is not
_BEGIN_AT = 0.8  # LoadGen goes up from there, and gives up if that is already too much
_PROBE_S = (5.0, 60.0)
_PROBE_SHARE = 0.1
_SLACK = 1.05


def find_peak(settings: LoadgenPlan, test: Test) -> tuple[LoadgenPlan, Detail, Search]:
    """Returns the settings and the log of the best valid test, and all tests that led to it.

    ``settings`` have a target; those returned differ in it alone.

    Raises:
        RunFailed: no target was valid.
    """
    server = settings.scenario == "Server"
    candidate: LoadgenPlan | None = _server_rate(settings, test) if server else settings
    search: list[tuple[float, str, float]] = []
    best: tuple[LoadgenPlan, Detail] | None = None
    while candidate is not None and len(search) < len(_STEPS_DOWN) + 1:
        name = f"test {len(search) + 1} of the search"
        detail = test(replace(candidate, mode="PerformanceOnly"), name)
        search.append((_target(candidate), detail.verdict, score_of(candidate, detail)))
        if detail.verdict == "VALID":
            best = candidate, detail
        candidate = _next_rate(candidate, search) if server else _next_guess(candidate, search)
    if best is None:
        tried = ", ".join(f"{target:.4g}" for target, _, _ in search)
        raise RunFailed(
            f"LoadGen called none of the targets valid: {tried}",
            hint="its logs lie in search/ of the run's folder; a longer --duration evens out"
            " hiccups",
        )
    return *best, tuple(search)


def _server_rate(settings: LoadgenPlan, test: Test) -> LoadgenPlan:
    """Has LoadGen search; where even its first rate is too much, a lower one is the answer."""
    assert settings.target_qps is not None
    least, most = _PROBE_S
    probe = replace(
        settings,
        target_qps=settings.target_qps * _BEGIN_AT,
        duration_s=min(max(least, settings.duration_s * _PROBE_SHARE), most, settings.duration_s),
    )
    detail = test(probe, "LoadGen's own search")
    return replace(settings, target_qps=detail.peak or settings.target_qps * _BEGIN_AT**2)


def _target(settings: LoadgenPlan) -> float:
    target = settings.target_qps or settings.target_latency_ms
    assert target is not None
    return target


def _next_rate(settings: LoadgenPlan, search: list[tuple[float, str, float]]) -> LoadgenPlan | None:
    """Returns what Server is to be tested at next; None when the valid rate is close enough."""
    valid = max((rate for rate, verdict, _ in search if verdict == "VALID"), default=None)
    invalid = min((rate for rate, verdict, _ in search if verdict != "VALID"), default=None)
    if valid is None:
        assert invalid is not None
        if len(search) > len(_STEPS_DOWN):
            return None
        return replace(settings, target_qps=invalid * _STEPS_DOWN[len(search) - 1])
    if invalid is None or invalid <= valid * _CLOSE_ENOUGH:
        return None
    return replace(settings, target_qps=(valid + invalid) / 2)


def _next_guess(
    settings: LoadgenPlan, search: list[tuple[float, str, float]]
) -> LoadgenPlan | None:
    """Returns what to expect next where the last guess was not valid; None where it was."""
    _, verdict, score = search[-1]
    if verdict == "VALID":
        return None
    if settings.target_qps is not None:
        return replace(settings, target_qps=max(score, settings.target_qps) * _SLACK)
    assert settings.target_latency_ms is not None
    return replace(settings, target_latency_ms=settings.target_latency_ms / 2)
