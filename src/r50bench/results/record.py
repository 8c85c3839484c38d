"""The record: everything one session found out, from which all that is printed is derived.

A record is a folder: ``record.json`` (this module), ``samples.csv`` (:mod:`.samples`),
``predictions.csv`` in accuracy mode, ``kpi.txt`` and the workers' logs. It is never edited.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, Literal

import msgspec

from r50bench.case import Case, Placement, Sourced
from r50bench.errors import UsageError
from r50bench.host.topology import GpuState
from r50bench.load import Load, LoadgenSettings, run_name
from r50bench.notices import Notice
from r50bench.results.files import plain_json, read_bounded, to_json, write_atomically

__all__ = [
    "RECORD_FILE",
    "RUNS",
    "SCHEMA_VERSION",
    "Accuracy",
    "Canary",
    "DataInfo",
    "Energy",
    "EngineInfo",
    "Evidence",
    "GpuReport",
    "Limit",
    "LoadgenResult",
    "ModelInfo",
    "Record",
    "WorkerReport",
    "new_record_id",
    "read_record",
    "record_of_data",
    "write_record",
]

SCHEMA_VERSION = 2

RUNS = Path("r50bench-runs")
"""Where records go unless something else is said."""

RECORD_FILE = "record.json"
"""The name of the record's own file in its folder."""


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
    """Which engine ran, from which compiled artifact (its cache key), under which allocator.

    ``calibration`` names the pictures that int8 was calibrated on, None for other numerics.
    """

    name: str
    version: str
    device: str
    allocator: str
    artifact: str | None
    compiled_in_this_run: bool
    calibration: str | None = None


@dataclass(frozen=True)
class Evidence:
    """Which kernels one untimed inference used.

    ``kernels`` counts ``primitive implementation source-type`` strings such as
    ``convolution brgconv:avx512_core_bf16 bf16``; ``proved`` says that they match the precision;
    ``summary`` is a few words for tables; ``expected`` the rule that was applied.
    ``gop_per_image`` are the operations that the engine carried out for one picture, in 1e9,
    counted from the shapes it computed (:mod:`r50bench.engines.evidence.layer_match`); None where
    they did not show.
    """

    proved: bool
    summary: str
    expected: str
    kernels: dict[str, int] = field(default_factory=dict)
    gop_per_image: float | None = None


@dataclass(frozen=True)
class Limit:
    """What the cores of the placement do at most, all at once (:mod:`r50bench.host.peak`).

    ``instruction`` is the one the precision is bound by, ``gop_per_s`` its operations in 1e9 per
    second, two to a multiply-accumulate. Memory bandwidth is in 1e9 bytes per second: ``read`` of
    one stream, ``triad`` as STREAM counts it. ``measured`` is UTC, ISO 8601. Of GPUs
    (:mod:`r50bench.engines.torch.gpu_peak`) it is a matrix product, and ``cpus`` are none. Rounds
    that measured it agreed where it is ``steady``.
    """

    instruction: str
    gop_per_s: float
    read_gb_per_s: float
    triad_gb_per_s: float
    cpus: tuple[int, ...]
    measured: str
    steady: bool = True


@dataclass(frozen=True)
class Energy:
    """What the sockets and their memory drew, all of them, whoever used them.

    ``rounds_j`` are joules by round, from before its instances were told to begin until all had
    answered, which took ``rounds_s`` seconds. ``idle_w`` is the draw just before the warm-up, with
    the instances loaded and idle; None where it is not known. ``source`` names the counters.
    """

    source: str
    rounds_j: tuple[float, ...]
    rounds_s: tuple[float, ...]
    idle_w: float | None


@dataclass(frozen=True)
class Canary:
    """What looked at the cores between batches, outside of their time, see :mod:`.undisturbed`.

    ``cpus`` are by instance those that it looked at: all of the instance's, or its first alone
    where the engine's other threads cannot be asked. ``known_ns`` is by instance what a look had
    taken at full speed on this host until then, None where that was not known. ``missing`` says as
    a clause why nothing looked, and the rest is empty then.
    """

    cpus: tuple[tuple[int, ...], ...] = ()
    known_ns: tuple[float | None, ...] = ()
    missing: str = ""

    @property
    def known_by_instance(self) -> dict[int, float]:
        """What was known, by the number of the instance."""
        return {number: ns for number, ns in enumerate(self.known_ns) if ns is not None}


@dataclass(frozen=True)
class WorkerReport:
    """What one worker process read back about itself, once warm.

    ``cpus`` is the affinity the kernel reports for each instance, ``memory_nodes`` the NUMA nodes
    its memory is bound to (empty: not bound), ``threads_bound`` whether each thread of an instance
    is bound to one CPU of its own, ``pss_bytes`` its proportional share of memory after warm-up
    (None where the kernel does not say), ``environment`` the variables that matter to the engine.
    ``loaded_alone``: no other session of the run loaded meanwhile, so that ``load_s`` and
    ``first_batch_s`` are this engine's own.
    """

    worker: int
    pid: int
    instances: tuple[int, ...]
    cpus: tuple[tuple[int, ...], ...]
    memory_nodes: tuple[int, ...]
    threads_bound: bool
    environment: dict[str, str]
    load_s: float
    first_batch_s: float
    warmup_s: float
    pss_bytes: int | None
    log: str
    loaded_alone: bool = True


@dataclass(frozen=True)
class GpuReport:
    """What the driver told of one GPU that was used, around everything that was measured.

    ``pci`` is its bus address, as in the slots. ``before`` is its state before the first round,
    ``after`` that at the end of the last, when it had just been at work. ``slowdowns`` are reasons
    for clocks below the settings, seen at the end of any round. ``energy_j`` is what it drew in the
    ``measured_s`` of all rounds, None where the driver does not count it.
    """

    pci: str
    name: str
    driver: str
    before: GpuState
    after: GpuState
    slowdowns: tuple[str, ...]
    energy_j: float | None
    measured_s: float


@dataclass(frozen=True)
class Accuracy:
    """Counts over the whole data set; ``total`` pictures were scored once each.

    ``good5`` is None where only the likeliest class was kept, as LoadGen does.
    """

    total: int
    good: int
    good5: int | None = None


@dataclass(frozen=True)
class LoadgenResult:
    """What LoadGen said of one run, read from the logs it left in the folder ``loadgen/``.

    ``settings`` are the effective ones: targets, durations and counts that were not given are
    filled in. ``verdict`` is LoadGen's own VALID or INVALID, empty where the mode judges accuracy
    only. ``score`` is LoadGen's figure: samples/s (Offline), completed samples/s (Server), or the
    early-stopping estimate of the scenario's percentile in ns (SingleStream, MultiStream), None for
    accuracy. ``percentiles_ns`` are LoadGen's latencies by name, such as ``"99.00"``; ``bound_ns``
    is that of Server.

    ``compliant`` says that nothing was shortened or cut down; ``why_not_compliant`` what was.
    ``target_measured``: the target was found out by the closed loop, not given. ``raw_throughput``
    (samples/s, all instances) and ``raw_latency_ns`` (at the scenario's percentile, of one query)
    are that loop's, on the same warm instances just before and just after; ``overhead`` is what
    LoadGen and the harness cost beside them, as a share: 0.01 is one per cent slower than the raw
    loop. None where no such figure is comparable. ``peak_search`` lists (target, verdict, score) of
    the runs that FindPeakPerformance made, the last being the one whose logs were kept.
    """

    settings: LoadgenSettings
    version: str
    verdict: Literal["VALID", "INVALID", ""]
    score: float | None
    score_name: str
    score_unit: str
    percentiles_ns: dict[str, int] = field(default_factory=dict)
    bound_ns: int | None = None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    compliant: bool = False
    why_not_compliant: str = ""
    target_measured: bool = False
    raw_throughput: float | None = None
    raw_latency_ns: int | None = None
    overhead: float | None = None
    peak_search: tuple[tuple[float, str, float], ...] = ()


@dataclass(frozen=True)
class Record:
    """One session. ``status`` is valid or invalid; an invalid record says why and has no KPIs.

    ``case`` is what was run, ``request`` where each of its values came from, with what was asked
    beside them; ``load`` is the traffic. ``loadgen`` is there where LoadGen has answered.
    ``host`` is :func:`r50bench.host.snapshot.snapshot` of the moment before the run. ``created`` is
    UTC, ISO 8601. ``samples_sha256`` is that of samples.csv, None where nothing was timed;
    ``predictions_sha256`` that of predictions.csv, None where nothing was scored, and in records
    from before predictions were vouched for.
    ``limit`` is None where the peak was not, or could not be, measured. ``lost_cpu_share`` is the
    part of the measured time in which a thread of an instance, the one worst off, was ready and
    others had its CPU; None where nothing was timed or the kernel does not count it.
    ``others_cpus`` is how many of the machine's CPUs other processes kept busy meanwhile. ``gpus``
    are those that instances ran on, in the order of these.
    ``energy`` is None where the host does not tell, or nothing was timed in rounds. ``canary`` is
    None where no canary was wanted, and in records from before there was one.
    ``invocation`` is common to the records of one call that ran each case by several processes, and
    None of a run by itself: what happened during the call happened to all of them.
    """

    id: str
    created: str
    status: Literal["valid", "invalid"]
    reason: str | None
    r50bench_version: str
    case: Case
    request: dict[str, Sourced]
    load: Load
    host: dict[str, Any]
    placement: Placement
    model: ModelInfo | None = None
    data: DataInfo | None = None
    engine: EngineInfo | None = None
    evidence: Evidence | None = None
    workers: tuple[WorkerReport, ...] = ()
    accuracy: Accuracy | None = None
    samples_sha256: str | None = None
    notices: tuple[Notice, ...] = ()
    loadgen: LoadgenResult | None = None
    limit: Limit | None = None
    lost_cpu_share: float | None = None
    others_cpus: float | None = None
    gpus: tuple[GpuReport, ...] = ()
    energy: Energy | None = None
    predictions_sha256: str | None = None
    invocation: str | None = None
    canary: Canary | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def name(self) -> str:
        """What ran: the case's name, or ``mlperf_Offline_PerformanceOnly_avx_int8``."""
        return run_name(self.load, self.case)


def new_record_id(case_name: str, now: datetime, random: Random | None = None) -> str:
    """Returns a name for a record that is unique, sorts by time and can serve as a folder's name.

    ``20260131-235959_inference_latency_avx_int8_3f9c01``: the time in UTC, the case, and 24 random
    bits that keep apart two records of the same second, from ``random`` or the system.
    """
    bits = (random or SystemRandom()).getrandbits(24)
    stamp = now.astimezone(timezone.utc).strftime("%Y%m%d-%H%M%S")
    return f"{stamp}_{case_name}_{bits:06x}"


def write_record(record: Record, folder: Path) -> Path:
    """Writes ``record.json`` into an existing folder and returns its path.

    Raises:
        UsageError: the folder holds a record already; records are never edited.
    """
    path = folder / RECORD_FILE
    if path.exists():
        raise UsageError(
            f"{path} exists already, and records are never overwritten",
            hint="name a new folder",
        )
    write_atomically(path, to_json(record, indent=2) + b"\n")
    return path


def read_record(folder: Path) -> Record:
    """Reads the record in ``folder``, or the ``record.json`` given itself.

    Raises:
        UsageError: there is none, it is damaged or cannot be right, or it follows a schema that is
            not known here.
        RunFailed: the system refuses the file.
    """
    path = folder / RECORD_FILE if os.path.isdir(folder) else folder
    try:
        return _decode(read_bounded(path))
    except FileNotFoundError:
        raise UsageError(
            f"{path}: no such record",
            hint="name a folder that 'r50bench run' wrote; 'records:' at its end says which",
        ) from None
    except UsageError as error:
        message = error.message if str(path) in error.message else f"{path}: {error.message}"
        raise UsageError(message, hint=error.hint) from error


def _decode(data: bytes) -> Record:
    damaged = "a record is written once and whole: take it from where it was copied"
    try:
        raw = plain_json(data)
    except ValueError as error:
        raise UsageError(f"not a record: {error}", hint=damaged) from error
    if not isinstance(raw, dict):
        raise UsageError("not a record: no JSON object", hint=damaged)
    return record_of_data(raw)


def record_of_data(raw: dict[str, Any]) -> Record:
    """Returns the record that plain data, of this schema or an older one, describe.

    Keys beside a record's are passed over.

    Raises:
        UsageError: they do not describe one, or follow a schema that is not known here.
    """
    # A run writes records and reads none.
    from r50bench.results.plausible import check_record
    from r50bench.results.schema import bring_up_to

    try:
        record = msgspec.convert(bring_up_to(SCHEMA_VERSION, raw), Record)
    except (ValueError, TypeError, AttributeError) as error:  # also what brings it up to date
        raise UsageError(
            f"not a record: {error}",
            hint="a record is written once and whole: take it from where it was copied",
        ) from error
    check_record(record)
    return record
