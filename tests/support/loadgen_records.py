"""Records of LoadGen runs with LoadGen's own logs, made in milliseconds by a system that only
answers.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlperf_loadgen as lg
import numpy as np

from r50bench.load import LoadgenSettings
from r50bench.measure.loads.loadgen.conf_files import audit_config
from r50bench.mlperf_rules import ROUNDS
from r50bench.results.record import Accuracy, DataInfo, LoadgenResult, Record, write_record
from support import records

__all__ = ["edit_log", "loadgen_record", "run_loadgen", "write_run"]

HOST = {
    "platform": "TURIN",
    "fingerprint": "0123456789abcdef",
    "machine": "Example Corp. Box 9000",
    "model_name": "AMD EPYC 9B45",
    "arch": "x86_64",
    "sockets": 2,
    "cores": 256,
    "cores_in_machine": 256,
    "memory_bytes": 768 * 2**30,
    "frequency_max_khz": 4_100_000,
    "caches": [{"level": 1, "type": "Data", "size": "48K"}, {"level": 3, "size": "32768K"}],
    "distribution": "Debian GNU/Linux 12 (bookworm)",
    "kernel": "6.1.0",
    "glibc": "glibc 2.36",
    "versions": {"python": "3.11.7", "torch": "2.13.0+cpu"},
}

OFFICIAL = {"effective_min_duration_ms": 600_000}
SCORES = {
    "result_samples_per_second": 171.966,
    "early_stopping_latency_ss": 6_123_339,
    "early_stopping_latency_ms": 48_000_000,
    "result_completed_samples_per_sec": 150.5,
    "result_validity": "VALID",
}
"""What the logs of :func:`write_run` say: a system that only answers has no steady score."""

_MODES = {"accuracy": "AccuracyOnly", "both": "SubmissionRun"}
_LOGS = ("mlperf_log_detail.txt", "mlperf_log_summary.txt", "mlperf_log_accuracy.json")


def run_loadgen(
    out: Path, scenario: str, part: str, *, pictures: int = 20, seeds: str = "v5.1"
) -> None:
    """Leaves LoadGen's logs and a user.conf in ``out``.

    ``part`` is accuracy, performance, both (one SubmissionRun), TEST01 or TEST04. The answer for
    picture i is i.
    """
    out.mkdir(parents=True)
    (out / "user.conf").write_text(f"resnet50.{scenario}.min_duration = 10\n")
    settings = _settings(scenario, part, pictures, seeds)
    answers = np.arange(pictures, dtype=np.int32)

    def issue(samples: Sequence[Any]) -> None:
        place = answers.ctypes.data
        lg.QuerySamplesComplete(
            [lg.QuerySampleResponse(one.id, place + 4 * one.index, 4) for one in samples]
        )

    audit = ""
    if part.startswith("TEST"):
        audit = str(out / "audit.config")
        Path(audit).write_text(audit_config(LoadgenSettings(compliance_test=part)))
    sut = lg.ConstructSUT(issue, lambda: None)
    library = lg.ConstructQSL(pictures, pictures, lambda _: None, lambda _: None)
    lg.StartTestWithLogSettings(sut, library, settings, _log_settings(out), audit)
    lg.DestroyQSL(library)
    lg.DestroySUT(sut)


def _settings(scenario: str, part: str, pictures: int, seeds: str) -> Any:
    settings = lg.TestSettings()
    assert settings.FromConfig("", "resnet50", scenario, 0) == 0
    settings.scenario = getattr(lg.TestScenario, scenario)
    settings.mode = getattr(lg.TestMode, _MODES.get(part, "PerformanceOnly"))
    settings.min_duration_ms = 10
    least = {"Offline": 24_576 if pictures == 50_000 else 1, "MultiStream": 662}
    settings.min_query_count = least.get(scenario, 100)
    settings.offline_expected_qps = 1e6
    settings.single_stream_expected_latency_ns = 1_000
    settings.multi_stream_expected_latency_ns = 8_000
    settings.server_target_qps = 1e6 if part == "accuracy" else 1_000
    settings.performance_sample_count_override = min(pictures, 1024)
    names = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")
    for name, seed in zip(names, ROUNDS[seeds].seeds, strict=True):
        setattr(settings, name, seed)
    return settings


def _log_settings(out: Path) -> Any:
    output = lg.LogOutputSettings()
    output.outdir = str(out)
    output.copy_summary_to_stdout = False
    log = lg.LogSettings()
    log.log_output = output
    log.enable_trace = False
    return log


def edit_log(path: Path, changes: dict[str, Any]) -> None:
    """Gives keys of a detail log other values; None takes the line out."""

    def lines() -> Iterator[str]:
        for line in path.read_text().splitlines():
            key = re.match(r':::MLLOG \{"key": "([^"]+)"', line)
            if key is None or key[1] not in changes:
                yield line
            elif changes[key[1]] is not None:
                entry = json.loads(line.removeprefix(":::MLLOG "))
                yield ":::MLLOG " + json.dumps(entry | {"value": changes[key[1]]})

    path.write_text("\n".join(lines()) + "\n")


def loadgen_record(
    scenario: str, part: str, *, accuracy: Accuracy | None = None, **changes: Any
) -> Record:
    """Builds the valid record of one run with the v1.5 weights in int8."""
    test = part if part.startswith("TEST") else ""
    mode = _MODES.get(part, "PerformanceOnly")
    settings = LoadgenSettings(scenario, mode, 20, compliance_test=test)
    case = records.case_of("throughput", data_type="real", batch_size=16)
    record = records.record_of(
        case=case,
        id=f"20260131-120000_mlperf_{scenario}_{part}",
        graph="v1.5",
        host=HOST,
        data=DataInfo("real", "imagenet", 50_000, "d" * 64),
        accuracy=accuracy,
        loadgen=LoadgenResult(
            settings, "6.0.17", "VALID" if mode != "AccuracyOnly" else "", None, "", ""
        ),
    )
    return replace(record, **changes)


def write_run(
    logs: Path,
    folder: Path,
    scenario: str,
    part: str,
    *,
    log: dict[str, Any] | None = None,
    record: Callable[[Record], Record] = lambda record: record,
    accuracy: Accuracy | None = None,
) -> Path:
    """Writes the folder of a run from LoadGen's ``logs``; ``log`` and ``record`` change it."""
    (folder / "loadgen").mkdir(parents=True)
    for name in (*_LOGS, "user.conf"):
        shutil.copy(logs / name, folder / "loadgen" / name)
    edit_log(folder / "loadgen" / "mlperf_log_detail.txt", SCORES | (log or {}))
    write_record(record(loadgen_record(scenario, part, accuracy=accuracy)), folder)
    return folder
