"""The vocabulary of a LoadGen run: scenario, mode, counts, durations and targets.

Names and defaults are those of the query-driven MLPerf workflow (``loadgen_scenario=Offline``);
what is None is filled in before a run: durations and counts with the official values, targets with
what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from r50bench.errors import UsageError, did_you_mean

__all__ = [
    "COMPLIANCE_TESTS",
    "DEFAULT_DATASET_SIZE",
    "LOADGEN_KEYS",
    "LOADGEN_MODES",
    "OFFICIAL_SEEDS",
    "SCENARIOS",
    "LoadgenSettings",
    "parse_loadgen",
]

SCENARIOS = ("Offline", "SingleStream", "MultiStream", "Server")
LOADGEN_MODES = ("AccuracyOnly", "PerformanceOnly", "FindPeakPerformance", "SubmissionRun")
COMPLIANCE_TESTS = ("TEST01", "TEST04")

DEFAULT_DATASET_SIZE = 20
"""What the workflow's ``loadgen_dataset_size`` is where a query does not say."""

_LONGEST_LABEL = 80

OFFICIAL_SEEDS: dict[str, tuple[int, int, int]] = {
    "v5.1": (1780908523862526354, 14771362308971278857, 18209322760996052031),
    "v6.1": (2085463073848966840, 2747215439041700203, 16159082839903944936),
}
"""(qsl, sample index, schedule) seeds by MLPerf Inference round, from its mlperf.conf."""


@dataclass(frozen=True)
class LoadgenSettings:
    """What LoadGen is asked to do.

    ``dataset_size`` pictures from the beginning of the data set are used (None: all of them), of
    which LoadGen holds ``buffer_size`` at a time. ``query_count`` is the least number of queries
    and ``duration_s`` the least duration (None: the official ones). ``target_qps`` is for Offline
    and Server, in samples and queries a second; ``target_latency_ms`` the expected latency of
    SingleStream and MultiStream and the bound of Server (None: measured, 15 ms for Server).
    ``compliance_test`` is empty or one of :data:`COMPLIANCE_TESTS`; ``seeds`` names the MLPerf
    round whose official seeds are taken. ``quick`` shortens a run to a few seconds. ``sut_name`` is
    what the user calls the system under test; empty: what the host calls itself.
    """

    scenario: str = "Offline"
    mode: str = "AccuracyOnly"
    dataset_size: int | None = None
    buffer_size: int = 1024
    query_count: int | None = None
    duration_s: float | None = None
    target_qps: float | None = None
    target_latency_ms: float | None = None
    samples_per_query: int = 8
    server_coalesce_queries: bool = False
    compliance_test: str = ""
    seeds: str = "v5.1"
    quick: bool = False
    sut_name: str = ""

    @property
    def name(self) -> str:
        """A word for record names, such as ``mlperf_Offline_PerformanceOnly``."""
        return "_".join(
            part for part in ("mlperf", self.scenario, self.mode, self.compliance_test) if part
        )

    @property
    def measures(self) -> bool:
        """Whether the mode times anything."""
        return self.mode != "AccuracyOnly"

    @property
    def scores_accuracy(self) -> bool:
        """Whether the mode answers every picture once and leaves an accuracy log."""
        return self.mode in ("AccuracyOnly", "SubmissionRun")


def _word(known: tuple[str, ...]) -> Callable[[str], str]:
    by_lower = {word.lower(): word for word in known}

    def parse(text: str) -> str:
        found = by_lower.get(text.lower().replace("_", ""))
        if found is None:
            near = did_you_mean(text.lower(), by_lower)
            choice = f"must be {' or '.join(known)}"
            raise ValueError(f"{choice}; {near}" if near else choice)
        return found

    return parse


def _count(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,12}", text) is None or int(text) < 1:
        raise ValueError("must be a whole number, 1 or more")
    return int(text)


def _positive(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]*)?|\.[0-9]+", text) is None or float(text) <= 0:
        raise ValueError("must be a number greater than 0")
    return float(text)


def _flag(text: str) -> bool:
    word = text.lower()
    if word in ("true", "1", "yes", "on"):
        return True
    if word in ("false", "0", "no", "off"):
        return False
    raise ValueError("must be True or False")


def _label(text: str) -> str:
    if not text.isprintable() or len(text) > _LONGEST_LABEL:
        raise ValueError(f"must be printable text of {_LONGEST_LABEL} characters at most")
    return text


LOADGEN_KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "loadgen_scenario": ("scenario", _word(SCENARIOS)),
    "loadgen_mode": ("mode", _word(LOADGEN_MODES)),
    "loadgen_dataset_size": ("dataset_size", _count),
    "loadgen_buffer_size": ("buffer_size", _count),
    "loadgen_query_count": ("query_count", _count),
    "loadgen_duration_s": ("duration_s", _positive),
    "loadgen_target_qps": ("target_qps", _positive),
    "loadgen_target_latency": ("target_latency_ms", _positive),
    "loadgen_samples_per_query": ("samples_per_query", _count),
    "loadgen_multistreamness": ("samples_per_query", _count),
    "loadgen_server_coalesce_queries": ("server_coalesce_queries", _flag),
    "loadgen_compliance_test": ("compliance_test", _word(COMPLIANCE_TESTS)),
    "loadgen_seeds": ("seeds", _word(tuple(OFFICIAL_SEEDS))),
    "loadgen_quick": ("quick", _flag),
    "sut_name": ("sut_name", _label),
}
"""(field of :class:`LoadgenSettings`, reader of its text) by the workflow's key."""


def parse_loadgen(values: Mapping[str, str]) -> LoadgenSettings:
    """Returns the settings that ``values`` ask for, by the keys of :data:`LOADGEN_KEYS`.

    An empty value means the default; that of a compliance test's mode is PerformanceOnly.

    Raises:
        UsageError: an unknown key, a value that is not valid, two keys that contradict each other,
            or settings that no run can have.
    """
    chosen: dict[str, Any] = {}
    for key, text in values.items():
        if key not in LOADGEN_KEYS:
            raise UsageError(
                f"unknown parameter {key!r}",
                hint=did_you_mean(key, LOADGEN_KEYS) or f"known: {' '.join(LOADGEN_KEYS)}",
            )
        if not text.strip():
            continue
        field, read = LOADGEN_KEYS[key]
        try:
            value = read(text.strip())
        except ValueError as error:
            raise UsageError(
                f"{key}={text}: {error}", hint=f"leave {key} out for its default"
            ) from None
        if chosen.setdefault(field, value) != value:
            raise UsageError(
                f"{key}={text} contradicts another name of the same parameter",
                hint="loadgen_multistreamness is loadgen_samples_per_query: give one of them",
            )
    if "compliance_test" in chosen:
        chosen.setdefault("mode", "PerformanceOnly")
    settings = LoadgenSettings(**chosen)
    _refuse_contradictions(settings, {field.name for field in fields(settings)} & chosen.keys())
    return settings


def _refuse_contradictions(settings: LoadgenSettings, given: set[str]) -> None:
    scenario, mode = settings.scenario, settings.mode
    if "target_qps" in given and scenario in ("SingleStream", "MultiStream"):
        raise UsageError(
            f"loadgen_target_qps has no meaning in {scenario}, which sends the next query when the"
            " last is answered",
            hint="the expected latency is loadgen_target_latency, in ms",
        )
    if "target_latency_ms" in given and scenario == "Offline":
        raise UsageError(
            "loadgen_target_latency has no meaning in Offline, which bounds no latency",
            hint="the expected throughput is loadgen_target_qps",
        )
    if settings.compliance_test and mode != "PerformanceOnly":
        raise UsageError(
            f"{settings.compliance_test} is a PerformanceOnly run, not {mode}",
            hint=f"--mode PerformanceOnly --compliance {settings.compliance_test}",
        )
