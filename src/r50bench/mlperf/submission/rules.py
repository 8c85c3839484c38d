"""What MLPerf Inference asks of a ResNet-50 submission, in numbers.

Sources: mlcommons/inference, loadgen/mlperf.conf and tools/submission/submission_checker
(configuration of ``resnet`` in v5.1 and v6.0, which v6.1 took over).
"""

from __future__ import annotations

from r50bench.mlperf_rules import COMPLETE_DATASET, OFFICIAL_BOUND_MS

__all__ = [
    "ACCURACY_TARGET_PERCENT",
    "BENCHMARK",
    "COMPLETE_DATASET",
    "LEAST_DURATION_MS",
    "LEAST_MULTISTREAM_QUERIES",
    "LEAST_OFFLINE_SAMPLES",
    "LEAST_PERFORMANCE_PICTURES",
    "MULTISTREAM_SAMPLES",
    "REQUIRED_SCENARIOS",
    "SERVER_BOUND_NS",
    "STATUSES",
]

BENCHMARK = "resnet50"
"""The folder's name of the benchmark, which the official checker maps to ``resnet``."""

STATUSES = ("available", "preview", "rdi")

ACCURACY_TARGET_PERCENT = 75.6954
"""Closed: 99 % of the reference's 76.46. At least 37,848 of 50,000 are right."""

LEAST_DURATION_MS = 600_000
LEAST_PERFORMANCE_PICTURES = 1_024
LEAST_OFFLINE_SAMPLES = 24_576
LEAST_MULTISTREAM_QUERIES = 662
MULTISTREAM_SAMPLES = 8
SERVER_BOUND_NS = round(OFFICIAL_BOUND_MS * 1e6)

REQUIRED_SCENARIOS = {
    "edge": ("SingleStream", "MultiStream", "Offline"),
    "datacenter,edge": ("SingleStream", "MultiStream", "Offline", "Server"),
}
"""Closed: the scenarios that a system of each type must have. ResNet-50 has left "datacenter"."""
