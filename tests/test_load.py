from __future__ import annotations

import pytest

from r50bench.case import Case, CaseName
from r50bench.load import Load, LoadGen, LoadgenSettings, Observe, Score, Steps, run_name
from r50bench.parameters import collect
from r50bench.planning.effective_case import effective_case
from support import synthetic_hosts


@pytest.fixture
def case() -> Case:
    name = CaseName.parse("inference_latency_avx_fp32")
    return effective_case(name, collect({}, (), {}), synthetic_hosts.two_core_vm()).case


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (Steps(10, rounds=2), "inference_latency_avx_fp32"),
        (Score(), "inference_latency_avx_fp32"),
        (Observe(rounds=3, steps=1), "profile_inference_latency_avx_fp32"),
        (LoadGen(LoadgenSettings("Server")), "mlperf_Server_AccuracyOnly_avx_fp32"),
        (
            LoadGen(LoadgenSettings(mode="PerformanceOnly", compliance_test="TEST01")),
            "mlperf_Offline_PerformanceOnly_TEST01_avx_fp32",
        ),
    ],
)
def test_a_run_is_called_by_its_load_and_its_case(load: Load, name: str, case: Case) -> None:
    assert run_name(load, case) == name


@pytest.mark.parametrize(
    ("mode", "measures", "scores"),
    [
        ("AccuracyOnly", False, True),
        ("PerformanceOnly", True, False),
        ("FindPeakPerformance", True, False),
        ("SubmissionRun", True, True),
    ],
)
def test_a_mode_of_loadgen_times_scores_or_does_both(
    mode: str, measures: bool, scores: bool
) -> None:
    settings = LoadgenSettings(mode=mode)
    assert (settings.measures, settings.scores_accuracy) == (measures, scores)
