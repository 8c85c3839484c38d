"""The load: what traffic the instances of a session are given."""

from __future__ import annotations

import msgspec

from r50bench.case import Case
from r50bench.loadgen_settings import LoadgenSettings

__all__ = ["Load", "LoadGen", "Observe", "Score", "Steps", "run_name"]


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
