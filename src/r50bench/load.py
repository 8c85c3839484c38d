"""The load: what traffic the instances of a session are given; and the vocabulary of LoadGen's.

Names and defaults of LoadGen's settings are those of the query-driven MLPerf workflow
(``loadgen_scenario=Offline``); what is None is filled in before a run: durations and counts with
the official values, targets with what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import msgspec

from r50bench.case import Case

if TYPE_CHECKING:
    from r50bench.mlperf_rules import Round

__all__ = [
    "COMPLIANCE_TESTS",
    "DEFAULT_DATASET_SIZE",
    "LOADGEN_MODES",
    "SCENARIOS",
    "Load",
    "LoadGen",
    "LoadgenPlan",
    "LoadgenSettings",
    "Observe",
    "Score",
    "Steps",
    "run_name",
]

SCENARIOS = ("Offline", "SingleStream", "MultiStream", "Server")
LOADGEN_MODES = ("AccuracyOnly", "PerformanceOnly", "FindPeakPerformance", "SubmissionRun")
COMPLIANCE_TESTS = ("TEST01", "TEST04")

DEFAULT_DATASET_SIZE = 20
"""What the workflow's ``loadgen_dataset_size`` is where a query does not say."""


def _default_round() -> Round:
    from r50bench.mlperf_rules import DEFAULT_ROUND  # the other loads ask nothing of MLPerf

    return DEFAULT_ROUND


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
    buffer_size: int = field(default_factory=lambda: _default_round().performance_pictures)
    query_count: int | None = None
    duration_s: float | None = None
    target_qps: float | None = None
    target_latency_ms: float | None = None
    samples_per_query: int = field(default_factory=lambda: _default_round().samples_per_query)
    server_coalesce_queries: bool = False
    compliance_test: str = ""
    seeds: str = field(default_factory=lambda: _default_round().name)
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


@dataclass(frozen=True, kw_only=True)
class LoadgenPlan(LoadgenSettings):
    """Settings with everything filled in that LoadGen cannot do without; targets may be open yet.

    A plan equals no settings, so what a record keeps, and is compared with, is :attr:`recorded`.
    """

    dataset_size: int
    query_count: int
    duration_s: float

    @property
    def recorded(self) -> LoadgenSettings:
        """The same as plain settings."""
        names = (each.name for each in fields(LoadgenSettings))
        return LoadgenSettings(**{name: getattr(self, name) for name in names})


class Steps(msgspec.Struct, frozen=True, tag_field="kind", tag="steps"):
    """A closed loop: every instance runs ``steps`` batches in each of ``rounds`` rounds."""

    steps: int
    rounds: int = 1


class Score(msgspec.Struct, frozen=True, tag_field="kind", tag="score"):
    """Every picture of the data set is classified once; nothing is timed."""


class LoadGen(msgspec.Struct, frozen=True, tag_field="kind", tag="loadgen"):
    """MLPerf's LoadGen asks, as ``settings`` say; what they leave open is filled in by the run."""

    settings: LoadgenSettings


class Observe(msgspec.Struct, frozen=True, tag_field="kind", tag="observe"):
    """``rounds`` of ``steps`` plain batches, each with one batch under the kernel log."""

    rounds: int
    steps: int


Load = Steps | Score | LoadGen | Observe


def run_name(load: Load, case: Case) -> str:
    """Returns what a run of ``case`` under ``load`` is called.

    The case's own name; ``mlperf_Offline_PerformanceOnly_avx_int8``; or ``profile_`` before the
    case's.
    """
    match load:
        case LoadGen(settings=settings):
            return f"{settings.name}_{case.precision}"
        case Observe():
            return f"profile_{case.name}"
    return case.name
