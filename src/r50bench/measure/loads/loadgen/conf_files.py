"""The files that LoadGen reads: user.conf, and the audit.config of a compliance run; pure."""

from __future__ import annotations

from collections.abc import Iterator

from r50bench.load import LoadgenPlan, LoadgenSettings
from r50bench.mlperf_rules import round_of

__all__ = ["AUDIT_CONFIG", "USER_CONF", "audit_config", "user_conf"]

USER_CONF = "user.conf"
AUDIT_CONFIG = "audit.config"

_SCORING_QPS = 10_000.0
"""Server's rate where nothing is timed: LoadGen's own would send one picture a second."""


def user_conf(settings: LoadgenPlan) -> str:
    """Returns the text of user.conf for settings in which nothing is open."""
    lines = (f"resnet50.{settings.scenario}.{key} = {value}" for key, value in _values(settings))
    return "\n".join(lines) + "\n"


def audit_config(settings: LoadgenSettings) -> str:
    """Returns the text of audit.config, as MLPerf publishes it; empty for an ordinary run."""
    values = round_of(settings.seeds).audits.get(settings.compliance_test, {})
    return "".join(f"*.*.{key} = {value}\n" for key, value in values.items())


def _values(settings: LoadgenPlan) -> Iterator[tuple[str, str]]:
    yield "min_duration", str(round(settings.duration_s * 1000))
    yield "min_query_count", str(settings.query_count)
    yield "performance_sample_count_override", str(settings.buffer_size)
    rate = settings.target_qps
    if rate is None and settings.scenario == "Server" and not settings.measures:
        rate = _SCORING_QPS
    if rate is not None:
        yield "target_qps", f"{rate:.6f}"
    if settings.target_latency_ms is not None:
        yield "target_latency", f"{settings.target_latency_ms:.6f}"
    if settings.scenario == "MultiStream":
        yield "samples_per_query", str(settings.samples_per_query)
