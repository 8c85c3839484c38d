"""LoadGen's detail log, which is what MLPerf judges a run by.

Every line is ``:::MLLOG`` and a JSON object with ``key``, ``value`` and, in its ``metadata``,
whether it reports an error. LoadGen writes ``num_errors`` last.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r50bench.errors import RunFailed

__all__ = ["DETAIL_LOG", "DetailLog", "read_detail_log"]

DETAIL_LOG = "mlperf_log_detail.txt"

_MARK = ":::MLLOG "
_LAST_KEY = "num_errors"

# LoadGen's own key of each scenario's score (results.cc) and the score's unit.
_SCORES = {
    "Offline": ("result_samples_per_second", "samples/s"),
    "SingleStream": ("early_stopping_latency_ss", "ns"),
    "MultiStream": ("early_stopping_latency_ms", "ns"),
    "Server": ("result_completed_samples_per_sec", "samples/s"),
}


@dataclass(frozen=True)
class DetailLog:
    """The values of one log by key (the last where a key comes twice), and its errors."""

    path: Path
    values: dict[str, Any]
    errors: tuple[str, ...]

    def __getitem__(self, key: str) -> Any:
        """Returns the value of ``key``.

        Raises:
            RunFailed: LoadGen did not write it.
        """
        try:
            return self.values[key]
        except KeyError:
            raise RunFailed(
                f"{self.path} has no {key}", hint="the log is not whole: run again"
            ) from None

    @property
    def scenario(self) -> str:
        """Offline, SingleStream, MultiStream or Server."""
        return str(self["effective_scenario"])

    @property
    def mode(self) -> str:
        """AccuracyOnly, PerformanceOnly, SubmissionRun or FindPeakPerformance."""
        return str(self["effective_test_mode"])

    @property
    def score(self) -> float:
        """LoadGen's score in :attr:`score_unit`: a rate, or a latency of the two streams."""
        return float(self[_SCORES[self.scenario][0]])

    @property
    def score_unit(self) -> str:
        """samples/s or ns."""
        return _SCORES[self.scenario][1]


def read_detail_log(path: Path) -> DetailLog:
    """Reads ``mlperf_log_detail.txt``.

    Raises:
        RunFailed: there is none, or LoadGen did not write it to its end.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line[len(_MARK) :]) for line in lines if line.startswith(_MARK)]
        values = {entry["key"]: entry["value"] for entry in entries}
        errors = [str(entry["value"]) for entry in entries if entry["metadata"]["is_error"]]
    except FileNotFoundError:
        raise RunFailed(f"there is no {path}", hint="name the folder of a LoadGen run") from None
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise RunFailed(f"{path} is damaged: {error}", hint="run again") from error
    if _LAST_KEY not in values:
        raise RunFailed(f"{path} ends early: LoadGen did not finish", hint="run again")
    return DetailLog(path, values, tuple(errors))
