"""What to leave out where LoadGen calls a run INVALID, or no rate can be found for one; pure."""

from __future__ import annotations

from r50bench.load import LoadgenSettings
from r50bench.mlperf.run.official_settings import least_duration
from r50bench.mlperf_rules import round_of

__all__ = ["ways_out", "without_server"]


def without_server() -> str:
    """Returns that a rehearsal does without the scenario that a busy host cannot serve."""
    return "a rehearsal does without Server: only a system of type datacenter,edge has it"


def ways_out(asked: LoadgenSettings, *, target_measured: bool) -> str:
    """Returns what of a run that was INVALID is to be left out, the likeliest culprit first.

    ``target_measured``: the target in effect was not the one that was given, if any was.
    """
    ways = []
    target = _given_target(asked)
    if target and not target_measured:
        ways.append(f"leave {target} out: the target is measured then")
    elif asked.query_count is not None and asked.scenario in ("Server", "MultiStream"):
        ways.append("leave --query-count out: LoadGen needs as many as it takes by default")
    else:
        ways.append("run it while nothing else does")
    if length := _shortened_by(asked):
        ways.append(f"leave {length} out: of a longer run more queries may be late")
    if length and asked.scenario == "Server":
        ways.append(without_server())
    return "; or ".join(ways)


def _given_target(asked: LoadgenSettings) -> str:
    if asked.target_qps is not None:
        return f"--target-qps {asked.target_qps:g}"
    if asked.target_latency_ms is not None and asked.scenario != "Server":
        return f"--target-latency {asked.target_latency_ms:g}"
    return ""


def _shortened_by(asked: LoadgenSettings) -> str:
    if least_duration(asked).value >= round_of(asked.seeds).duration_s:
        return ""
    return "--quick" if asked.duration_s is None else f"--duration {asked.duration_s:g}"
