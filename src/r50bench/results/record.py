"""The record: everything one session found out, from which all that is printed is derived.

A record is a folder: ``record.json`` (this module), ``samples.csv`` (:mod:`.samples`),
``predictions.csv`` in accuracy mode, ``kpi.txt`` and the workers' logs. It is never edited.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from r50bench.case import Case
from r50bench.host.placement import Placement

__all__ = [
    "SCHEMA_VERSION",
    "Accuracy",
    "DataInfo",
    "EngineInfo",
    "Evidence",
    "ModelInfo",
    "Record",
    "WorkerReport",
]

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ModelInfo:
    """Which graph ran with which weights.

    ``graph`` is v1 or v1.5, ``weights`` v1, v1.5, random or file, ``sha256`` that of the state
    dict, ``gflop_per_image`` 2 × the multiply-accumulates of convolutions and the classifier,
    counted from the graph, in 1e9. ``why`` says why these weights were taken when it was not asked.
    """

    graph: str
    weights: str
    sha256: str
    gflop_per_image: float
    source: str
    why: str = ""


@dataclass(frozen=True)
class DataInfo:
    """What was fed: ``kind`` dummy or real, ``name`` for people, ``sha256`` of the input bytes."""

    kind: str
    name: str
    pictures: int
    sha256: str
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class EngineInfo:
    """Which engine ran, from which compiled artifact (its cache key), under which allocator."""

    name: str
    version: str
    device: str
    allocator: str
    artifact: str | None
    compiled_in_this_run: bool


@dataclass(frozen=True)
class Evidence:
    """Which kernels one untimed inference used.

    ``kernels`` counts ``primitive implementation source-type`` strings such as
    ``convolution brgconv:avx512_core_bf16 bf16``; ``proved`` says that they match the precision;
    ``summary`` is a few words for tables; ``expected`` the rule that was applied.
    """

    proved: bool
    summary: str
    expected: str
    kernels: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkerReport:
    """What one worker process read back about itself, once warm.

    ``cpus`` is the affinity the kernel reports for each instance, ``pss_bytes`` its proportional
    share of memory after warm-up, ``environment`` the variables that matter to the engine.
    """

    worker: int
    pid: int
    instances: tuple[int, ...]
    cpus: tuple[tuple[int, ...], ...]
    environment: dict[str, str]
    load_s: float
    first_batch_s: float
    warmup_s: float
    pss_bytes: int
    log: str


@dataclass(frozen=True)
class Accuracy:
    """Counts over the whole data set; ``total`` pictures were scored once each."""

    total: int
    good: int
    good5: int


@dataclass(frozen=True)
class Record:
    """One session. ``status`` is valid or invalid; an invalid record says why and has no KPIs.

    ``request`` holds what was asked and where each setting came from, ``case`` what was run.
    ``host`` is :func:`r50bench.host.snapshot.snapshot` of the moment before the run. ``created`` is
    UTC, ISO 8601. ``samples_sha256`` is that of samples.csv, None where nothing was timed.
    """

    id: str
    created: str
    status: Literal["valid", "invalid"]
    reason: str | None
    r50bench_version: str
    case: Case
    request: dict[str, str]
    host: dict[str, Any]
    placement: Placement
    model: ModelInfo | None = None
    data: DataInfo | None = None
    engine: EngineInfo | None = None
    evidence: Evidence | None = None
    workers: tuple[WorkerReport, ...] = ()
    accuracy: Accuracy | None = None
    samples_sha256: str | None = None
    warnings: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION
