"""The vocabulary of a LoadGen run: scenario, mode, counts, durations and targets.

Names and defaults are those of the query-driven MLPerf workflow (``loadgen_scenario=Offline``);
what is None is filled in before a run: durations and counts with the official values, targets with
what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from r50bench.mlperf_rules import DEFAULT_ROUND

__all__ = [
    "COMPLIANCE_TESTS",
    "DEFAULT_DATASET_SIZE",
    "LOADGEN_MODES",
    "SCENARIOS",
    "LoadgenSettings",
]

SCENARIOS = ("Offline", "SingleStream", "MultiStream", "Server")
LOADGEN_MODES = ("AccuracyOnly", "PerformanceOnly", "FindPeakPerformance", "SubmissionRun")
COMPLIANCE_TESTS = ("TEST01", "TEST04")

DEFAULT_DATASET_SIZE = 20
"""What the workflow's ``loadgen_dataset_size`` is where a query does not say."""


@dataclass(frozen=True)
class LoadgenSettings:
    """What LoadGen is asked to do.

    ``dataset_size`` pictures from the beginning of the data set are used (None: all of them), of
    which LoadGen holds ``buffer_size`` at a time. ``query_count`` is the least number of queries
    and ``duration_s`` the least duration (None: the official ones). ``target_qps`` is for Offline
    and Server, in samples and queries a second; ``target_latency_ms`` the expected latency of
    SingleStream and MultiStream and the bound of Server (None: measured, for Server the round's).
    ``compliance_test`` is empty or one of :data:`COMPLIANCE_TESTS`; ``seeds`` names the MLPerf
    round whose official seeds are taken. ``quick`` shortens a run to a few seconds. ``sut_name`` is
    what the user calls the system under test; empty: what the host calls itself.
    """

    scenario: str = "Offline"
    mode: str = "AccuracyOnly"
    dataset_size: int | None = None
    buffer_size: int = DEFAULT_ROUND.performance_pictures
    query_count: int | None = None
    duration_s: float | None = None
    target_qps: float | None = None
    target_latency_ms: float | None = None
    samples_per_query: int = DEFAULT_ROUND.samples_per_query
    server_coalesce_queries: bool = False
    compliance_test: str = ""
    seeds: str = DEFAULT_ROUND.name
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
