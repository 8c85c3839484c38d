"""A LoadGen run that is only acted, for queries: it takes as long, and ends, as it is told.

Run :data:`PROGRAM` for the whole command line with it.
The script is read from the environment: ``SCRIPT_LOG`` names a file that gets a line when a run
begins, ``SCRIPT_SECONDS`` says how long it takes, ``SCRIPT_ENDING`` is ``valid``, ``invalid`` or
``failed``.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from r50bench.errors import RunFailed, WorkerFailed
from r50bench.load import LoadgenSettings
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.record_draft import RunFolder
from r50bench.measure.session import Outcome
from r50bench.planning.planned import Planned
from r50bench.report.kpi_block import kpi_block
from r50bench.results.record import (
    Accuracy,
    DataInfo,
    LoadgenResult,
    ModelInfo,
    Record,
    write_record,
)
from support import records

__all__ = ["PROGRAM", "result_of", "run_mlperf"]

PROGRAM = """
import r50bench.mlperf.run.loadgen_run
from support import scripted_loadgen
r50bench.mlperf.run.loadgen_run.run_mlperf = scripted_loadgen.run_mlperf
from r50bench.cli.main import main
main()
"""


def result_of(settings: LoadgenSettings, **changes: object) -> LoadgenResult:
    """Builds LoadGen's result: 171.966 samples/s, or a 90th percentile of 6,123,339 ns."""
    if not settings.measures:
        result = LoadgenResult(settings, "6.0.17", "", None, "Accuracy", "%")
    elif settings.scenario in ("Offline", "Server"):
        name = f"{settings.scenario} Throughput"
        result = LoadgenResult(settings, "6.0.17", "VALID", 171.966, name, "samples/s")
    else:
        name = f"{settings.scenario} Latency Estimate"
        percentiles = {"50.00": 5_900_000, "90.00": 6_123_339, "99.00": 7_000_000}
        result = LoadgenResult(settings, "6.0.17", "VALID", 6.2e6, name, "ns", percentiles)
    return replace(result, why_not_compliant="20 of 50,000 pictures", **changes)


def run_mlperf(planned: Planned, bench: Bench) -> Outcome:
    """Acts :func:`r50bench.mlperf.run.loadgen_run.run_mlperf`."""
    ending = os.environ.get("SCRIPT_ENDING", "valid")
    record = _record(planned, bench.assets, ending)
    with RunFolder(bench.out, record.id) as folder:
        (folder.path / "loadgen").mkdir()
        (folder.path / "loadgen" / "mlperf_log_detail.txt").write_text("the log\n")
        with Path(os.environ["SCRIPT_LOG"]).open("a") as log:
            log.write(f"{record.id}\n")
        time.sleep(float(os.environ.get("SCRIPT_SECONDS", "0")))
        write_record(record, folder.path)
        error = None if ending == "valid" else RunFailed(record.reason or "")
        if ending == "failed":
            error = WorkerFailed("a worker was killed by SIGKILL")
        return Outcome(folder.keep(), record, None, kpi_block(record, None), error)


def _record(planned: Planned, assets: AssetResolver, ending: str) -> Record:
    weights, pictures = assets.weights(planned.case), assets.pictures(planned.case)
    assert pictures is not None
    total = min(planned.loadgen.dataset_size or 20, 20)
    result = result_of(planned.loadgen)
    if ending == "invalid":
        result = replace(result, verdict="INVALID", errors=("too short",))
    return records.record_of(
        case=planned.case,
        id=f"20260131-120000_{os.getpid()}_{time.monotonic_ns()}",
        reason=None if ending == "valid" else f"it ended as {ending}",
        model=ModelInfo(weights.graph, weights.weights, weights.sha256, 7.7, weights.source),
        data=DataInfo("real", planned.case.dataset, len(pictures.labels), pictures.sha256),
        accuracy=Accuracy(total, total - 1, total) if planned.loadgen.scores_accuracy else None,
        samples_sha256=None,
        loadgen=result,
    )
