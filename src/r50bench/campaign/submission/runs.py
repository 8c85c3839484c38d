"""The records of LoadGen runs that a submission is made of, each with its part in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from r50bench.campaign.submission.detail_log import DETAIL_LOG, DetailLog, read_detail_log
from r50bench.errors import RunFailed
from r50bench.loadgen_settings import COMPLIANCE_TESTS, LoadgenSettings
from r50bench.measure.loadgen.conf_files import audit_config
from r50bench.results.record import Record, read_record

__all__ = ["ACCURACY", "LOADGEN_FOLDER", "PERFORMANCE", "Run", "read_run"]

LOADGEN_FOLDER = "loadgen"
"""Where LoadGen's own logs lie in the folder of a record."""

ACCURACY = "accuracy"
PERFORMANCE = "performance"

_PARTS = {
    "AccuracyOnly": (ACCURACY,),
    "PerformanceOnly": (PERFORMANCE,),
    "SubmissionRun": (ACCURACY, PERFORMANCE),
}


@dataclass(frozen=True)
class Run:
    """One record. ``parts`` says what it gives: accuracy, performance, or TEST01 or TEST04."""

    folder: Path
    record: Record
    log: DetailLog
    parts: tuple[str, ...]

    @property
    def scenario(self) -> str:
        """Offline, SingleStream, MultiStream or Server, as LoadGen ran it."""
        return self.log.scenario

    @property
    def logs(self) -> Path:
        """The folder of LoadGen's logs."""
        return self.folder / LOADGEN_FOLDER


def read_run(folder: Path) -> Run:
    """Reads the record of a LoadGen run, and LoadGen's log beside it, which decides its part.

    ``folder`` may also be the ``record.json`` itself.

    Raises:
        UsageError: there is no record, or it is damaged.
        RunFailed: the record is invalid, of another kind of run, or LoadGen's log is not whole.
    """
    record = read_record(folder)
    folder = folder if folder.is_dir() else folder.parent
    if record.status != "valid":
        raise RunFailed(f"the record is invalid: {record.reason}", hint="run it again")
    if record.loadgen is None:
        raise RunFailed("not a run of LoadGen", hint="'r50bench mlperf' makes those")
    if record.loadgen.settings.mode == "FindPeakPerformance":
        raise RunFailed(
            "a search for the peak is not submitted",
            hint="run PerformanceOnly at the target that it found",
        )
    log = read_detail_log(folder / LOADGEN_FOLDER / DETAIL_LOG)
    test = _test_of(log)
    return Run(folder, record, log, (test,) if test else _PARTS[log.mode])


def _test_of(log: DetailLog) -> str:
    """Returns TEST01, TEST04, or "" for a run under no test's settings; read from LoadGen's log."""
    for test in COMPLIANCE_TESTS:
        settings = _audit_settings(test)
        if log.mode == "PerformanceOnly" and all(
            int(log[f"effective_{key}"]) == value for key, value in settings.items()
        ):
            return test
    return ""


def _audit_settings(test: str) -> dict[str, int]:
    """Returns what a test's audit.config sets beside the mode, by LoadGen's key."""
    lines = audit_config(LoadgenSettings(compliance_test=test)).splitlines()
    pairs = (line.removeprefix("*.*.").split(" = ") for line in lines)
    return {key: int(value) for key, value in pairs if key != "mode"}
