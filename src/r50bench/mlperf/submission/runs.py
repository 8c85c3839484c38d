"""The records of LoadGen runs that a submission is made of, each with its part in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from r50bench.errors import RunFailed
from r50bench.load import LoadGen, LoadgenSettings
from r50bench.mlperf.run.loadgen_run import LOADGEN_FOLDER
from r50bench.mlperf.run.logs import (
    ACCURACY_LOG,
    DETAIL_LOG,
    Detail,
    read_answers,
    read_detail,
)
from r50bench.mlperf.run.result import SCORES
from r50bench.mlperf_rules import COMPLETE_DATASET, ROUNDS
from r50bench.results.record import Record, read_record
from r50bench.wording import visible

__all__ = ["ACCURACY", "PERFORMANCE", "Run", "Score", "asked_of_loadgen", "read_run"]

ACCURACY = "accuracy"
PERFORMANCE = "performance"

_PARTS = {
    "AccuracyOnly": (ACCURACY,),
    "PerformanceOnly": (PERFORMANCE,),
    "SubmissionRun": (ACCURACY, PERFORMANCE),
}


@dataclass(frozen=True)
class Score:
    """What LoadGen gives a performance run: a rate in samples/s, or a latency in ns."""

    scenario: str
    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.value:.10g} {self.unit}"


@dataclass(frozen=True)
class Run:
    """One record and LoadGen's detail log, which is what MLPerf judges the run by.

    ``parts`` says what the run gives a submission: accuracy, performance, both, or a test.
    """

    folder: Path
    record: Record
    log: Detail
    parts: tuple[str, ...]

    @property
    def scenario(self) -> str:
        """Offline, SingleStream, MultiStream or Server."""
        return str(self.log.values["effective_scenario"])

    @property
    def logs(self) -> Path:
        """The folder of LoadGen's logs."""
        return self.folder / LOADGEN_FOLDER

    @property
    def score(self) -> Score:
        """LoadGen's score of a run that is timed."""
        key, _, unit = SCORES[self.scenario]
        value = self.log.figure(key)
        if value <= 0:
            raise RunFailed(
                f"{self.log.folder / DETAIL_LOG} has a {key} of {value:g}", hint="run it again"
            )
        return Score(self.scenario, value, unit)

    def count(self, key: str) -> int:
        """Returns the whole number that LoadGen logged under ``key``.

        Raises:
            RunFailed: none.
        """
        return self.log.count(key)

    def answers(self) -> list[tuple[int, str]]:
        """Returns (picture, answer) of every sample that LoadGen logged.

        Raises:
            RunFailed: its log of them is missing or damaged.
        """
        return read_answers(self.logs / ACCURACY_LOG, COMPLETE_DATASET)


def read_run(folder: Path) -> Run:
    """Reads the record of a LoadGen run, and LoadGen's log beside it, which decides its part.

    ``folder`` may also be the ``record.json`` itself.

    Raises:
        RunFailed: the record is invalid, of another kind of run, or LoadGen's log is damaged;
            without a hint where it is to be run again.
    """
    record = read_record(folder)
    folder = folder if folder.is_dir() else folder.parent
    asked, valid = asked_of_loadgen(record), record.status == "valid"
    if asked is None or (valid and record.loadgen is None):
        raise RunFailed("not a run of LoadGen", hint="'r50bench mlperf' makes those")
    if asked.mode == "FindPeakPerformance":
        raise RunFailed(
            "a search for the peak is not submitted",
            hint=f"run PerformanceOnly{' at the target that it found' if valid else ''}",
        )
    if not valid:
        raise RunFailed(f"the record is invalid: {record.reason}")
    log = read_detail(folder / LOADGEN_FOLDER)
    _word(log, "effective_scenario", SCORES)
    test = _test_of(log)
    parts = (test,) if test else _PARTS[_word(log, "effective_test_mode", _PARTS)]
    return Run(folder, record, log, parts)


def asked_of_loadgen(record: Record) -> LoadgenSettings | None:
    """Returns what LoadGen was asked in a run that may have failed; None for other loads."""
    if record.loadgen is not None:
        return record.loadgen.settings
    return record.load.settings if isinstance(record.load, LoadGen) else None


def _test_of(log: Detail) -> str:
    """Returns TEST01, TEST04, or "" for a run under no test's settings."""
    for test, audit in (pair for round_ in ROUNDS.values() for pair in round_.audits.items()):
        beside_mode = (pair for pair in audit.items() if pair[0] != "mode")
        if all(_setting(log, f"effective_{key}") == value for key, value in beside_mode):
            return test
    return ""


def _setting(log: Detail, key: str) -> int:
    """Returns a number, or 0 or 1 for a setting that is off or on."""
    value = log.values.get(key)
    return int(value) if isinstance(value, bool) else log.count(key)


def _word(log: Detail, key: str, known: Collection[str]) -> str:
    """Returns one of the ``known`` words.

    Raises:
        RunFailed: the log has another, or none.
    """
    value = log.values.get(key)
    if not isinstance(value, str) or value not in known:
        raise RunFailed(
            f"{log.folder / DETAIL_LOG} has a {key} of {visible(str(value))[:80]!r}",
            hint=f"it must be one of {', '.join(known)}: run it again",
        )
    return value
