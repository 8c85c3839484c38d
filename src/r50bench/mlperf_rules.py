"""What MLPerf Inference asks of resnet50: one value per round, so that a new round is a new value.

Sources: mlcommons/inference, loadgen/mlperf.conf (of LoadGen 6.0), compliance/TEST01 and TEST04,
and tools/submission/submission_checker (``resnet``; paths by version).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from r50bench.errors import UsageError, did_you_mean

__all__ = [
    "BENCHMARK",
    "COMPLETE_DATASET",
    "DEFAULT_ROUND",
    "PERCENTILE",
    "ROUNDS",
    "STATUSES",
    "Round",
    "Tree",
    "round_of",
]

BENCHMARK = "resnet50"
"""The folder's name of the benchmark, which the official checker maps to ``resnet``."""

COMPLETE_DATASET = 50_000
"""Pictures of ImageNet's validation set."""

PERCENTILE = {"SingleStream": 90.0, "MultiStream": 99.0, "Server": 99.0}
"""The percentile of the scenario's latency; Offline has none."""

STATUSES = ("available", "preview", "rdi")
"""What a system may be called in its description."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """Where a round's submission keeps what others keep elsewhere.

    ``code`` is the folder with the README of the code. ``own_branches``: measurements and
    compliance runs lie in branches of their own beside the results, and not in the scenario's
    folder. ``implementation`` is the name of the implementation's description, of which {system},
    {name} and {scenario} may be parts.
    """

    code: str
    own_branches: bool
    implementation: str


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round of MLPerf Inference.

    ``seeds`` are LoadGen's for the library of pictures, the sample indices and the schedule. A run
    lasts ``duration_s`` at least, and sends ``counts`` queries at least by scenario (samples in
    Offline); it draws from ``performance_pictures`` pictures or more. A query of MultiStream has
    ``samples_per_query``; ``server_bound_ms`` bounds Server's 99th percentile. ``audits`` are what
    the compliance tests' audit.config set, by test and LoadGen's key, and ``score_tolerance`` is by
    which share a test's score may differ. ``accuracy_target_percent`` and
    ``required_scenarios``, by type of system, are for the closed division.
    """

    name: str
    seeds: tuple[int, int, int]
    duration_s: float
    counts: Mapping[str, int]
    performance_pictures: int
    samples_per_query: int
    server_bound_ms: float
    audits: Mapping[str, Mapping[str, int]]
    score_tolerance: float
    accuracy_target_percent: float
    required_scenarios: Mapping[str, tuple[str, ...]]
    tree: Tree


_V5_1 = Round(
    name="v5.1",
    seeds=(1780908523862526354, 14771362308971278857, 18209322760996052031),
    duration_s=600.0,
    counts={"Offline": 24_576, "SingleStream": 100, "MultiStream": 662, "Server": 100},
    performance_pictures=1024,
    samples_per_query=8,
    server_bound_ms=15.0,
    audits={
        "TEST01": {
            "mode": 2,
            "accuracy_log_rng_seed": 720381539243781796,
            "accuracy_log_sampling_target": 4096,
        },
        "TEST04": {
            "mode": 2,
            "performance_issue_unique": 0,
            "performance_issue_same": 1,
            "performance_issue_same_index": 3,
        },
    },
    score_tolerance=0.10,
    accuracy_target_percent=75.6954,  # 99 % of the reference's 76.46: 37,848 of 50,000 are right
    required_scenarios={  # ResNet-50 has left "datacenter"
        "edge": ("SingleStream", "MultiStream", "Offline"),
        "datacenter,edge": ("SingleStream", "MultiStream", "Offline", "Server"),
    },
    tree=Tree(code="code", own_branches=True, implementation="{system}_{name}_{scenario}.json"),
)
_V6_1 = replace(
    _V5_1,
    name="v6.1",
    seeds=(2085463073848966840, 2747215439041700203, 16159082839903944936),
    tree=Tree(code="src", own_branches=False, implementation="measurements.json"),
)

ROUNDS: dict[str, Round] = {round_.name: round_ for round_ in (_V5_1, _V6_1)}
"""The rounds that can be submitted to, by name."""

DEFAULT_ROUND = _V5_1
"""The round that a run follows where nobody names one."""


def round_of(name: str) -> Round:
    """Returns the round called ``name``.

    Raises:
        UsageError: it is none of :data:`ROUNDS`.
    """
    if name not in ROUNDS:
        raise UsageError(
            f"unknown round of MLPerf Inference {name!r}",
            hint=did_you_mean(name, ROUNDS) or f"known: {', '.join(ROUNDS)}",
        )
    return ROUNDS[name]
