"""What LoadGen says in its logs; the parent's side, which never loads LoadGen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from r50bench.errors import RunFailed, UsageError, reason_of
from r50bench.results.files import checked_json, read_bounded
from r50bench.results.predictions import Predictions

__all__ = [
    "ACCURACY_LOG",
    "DETAIL_LOG",
    "SUMMARY_LOG",
    "Detail",
    "read_answers",
    "read_detail",
    "read_predictions",
]

DETAIL_LOG = "mlperf_log_detail.txt"
SUMMARY_LOG = "mlperf_log_summary.txt"
ACCURACY_LOG = "mlperf_log_accuracy.json"

_MARK = ":::MLLOG "
_ERROR, _WARNING = "is_error", "is_warning"
_PERCENTILES = ("50.00", "90.00", "95.00", "97.00", "99.00", "99.90")
_PEAK = re.compile(r"Found peak performance field: ([0-9]+(?:\.[0-9]*)?)")
_LARGEST = 2**64  # seeds and times are of 64 bits
_MOST_BYTES = 64 << 20  # the detail log has some KB, of a long peak search some MB
_BYTES_OF_ANSWER = 256  # LoadGen's lines have 80
# LoadGen warns of its own log buffers growing, which concerns nobody else.
_OWN_AFFAIR = "Logging allocation detected"


@dataclass(frozen=True)
class Detail:
    """One test. ``values`` are the last of each key; ``verdict`` is empty in accuracy mode.

    ``folder`` is where the log lies; ``peak`` the rate that LoadGen's own search found, None where
    it did not search or find.
    """

    folder: Path
    values: dict[str, Any]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    peak: float | None = None

    @property
    def verdict(self) -> str:
        """VALID, INVALID, or nothing."""
        return str(self.values.get("result_validity", ""))

    @property
    def reason(self) -> str:
        """Why the verdict is INVALID, in LoadGen's words; a list of what was not met without."""
        said = str(self.values.get("result_invalid_reason", "")).strip()
        unmet = {
            "result_perf_constraints_met": "latency constraint not met",
            "result_min_duration_met": "minimum duration not met",
            "result_min_queries_met": "minimum query count not met",
            "early_stopping_met": "early stopping not satisfied",
        }
        missed = [text for key, text in unmet.items() if self.values.get(key) is False]
        return ". ".join([", ".join(missed), said] if said else [", ".join(missed)]).strip(". ")

    def figure(self, key: str) -> float:
        """Returns a number LoadGen gave.

        Raises:
            RunFailed: it gave none, or one that no measurement gives.
        """
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._lacks(key)
        if not -_LARGEST <= value <= _LARGEST:  # not a number is not, either
            raise self._lacks(key)
        return float(value)

    def count(self, key: str) -> int:
        """Returns a whole number LoadGen gave; raises as :meth:`figure` does."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST:
            raise self._lacks(key)
        return value

    def _lacks(self, key: str) -> RunFailed:
        return RunFailed(
            f"LoadGen's log has no {key} that can be: {self.folder / DETAIL_LOG}",
            hint="run it again, or take the log from where it was copied",
        )

    def percentiles_ns(self, *, per_query: bool) -> dict[str, int]:
        """Returns the latency percentiles LoadGen gave, by name such as ``99.00``."""
        key = (
            "result_{}_percentile_per_query_latency_ns"
            if per_query
            else ("result_{}_percentile_latency_ns")
        )
        keys = {name: key.format(name) for name in _PERCENTILES}
        return {name: round(self.figure(key)) for name, key in keys.items() if key in self.values}


def read_detail(folder: Path) -> Detail:
    """Reads the detail log of the test in ``folder``.

    Raises:
        RunFailed: there is none, or it is cut off, damaged, or larger than any.
    """
    values: dict[str, Any] = {}
    errors: list[str] = []
    warnings: list[str] = []
    peak = None
    for entry in _entries(folder / DETAIL_LOG):
        key, value, metadata = entry.key, entry.value, entry.metadata
        values[key] = value
        if key == "generic_message" and (found := _PEAK.search(str(value))):
            peak = float(found[1])
        if metadata.get(_ERROR):
            errors.append(str(value))
        elif metadata.get(_WARNING) and not str(value).startswith(_OWN_AFFAIR):
            warnings.append(str(value))
    if not values:
        raise RunFailed(f"LoadGen left an empty {DETAIL_LOG}", hint="the worker's log says more")
    return Detail(
        folder, values, tuple(dict.fromkeys(errors)), tuple(dict.fromkeys(warnings)), peak
    )


@dataclass(frozen=True)
class _Entry:
    """A line of the detail log."""

    key: str
    value: Any
    metadata: dict[str, Any]


def _entries(path: Path) -> Iterator[_Entry]:
    lines = _read(path, _MOST_BYTES).decode(errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.startswith(_MARK):
            continue
        try:
            yield checked_json(line.removeprefix(_MARK).encode(), _Entry)
        except ValueError as error:
            raise RunFailed(f"{path}:{number} is cut off or damaged: {error}") from None


def read_predictions(folder: Path, names: tuple[str, ...], labels: tuple[int, ...]) -> Predictions:
    """Reads the accuracy log in ``folder``: the class of each picture, in the data set's order.

    MultiStream fills its last query up with pictures that it has asked before.

    Raises:
        RunFailed: there is none, a picture has no answer, or one has two that differ.
    """
    path = folder / ACCURACY_LOG
    try:
        answers = [(at, _label(bytes.fromhex(data))) for at, data in read_answers(path, len(names))]
    except ValueError as error:
        raise RunFailed(f"{path.name} is cut off or damaged: {error}") from None
    classes = dict(answers)
    if len(set(answers)) != len(classes):
        raise RunFailed(f"{path.name} has two answers to the same picture, which differ")
    if set(classes) != set(range(len(labels))):
        raise RunFailed(f"{path.name} answers {len(classes)} pictures, and there are {len(labels)}")
    return Predictions(names, labels, tuple((classes[at],) for at in range(len(labels))))


@dataclass(frozen=True)
class _Logged:
    """A line of the accuracy log, of which LoadGen writes more."""

    qsl_idx: int
    data: str


def read_answers(path: Path, pictures: int) -> list[tuple[int, str]]:
    """Returns (picture, answer) of every logged sample; the answer is hexadecimal.

    A log of ``pictures`` has two answers to each at most, as MultiStream fills its last query up.

    Raises:
        RunFailed: the log is missing, larger than that, or not what LoadGen writes.
    """
    most = _MOST_BYTES + 2 * pictures * _BYTES_OF_ANSWER
    try:
        entries = checked_json(_read(path, most), list[_Logged])
    except ValueError as error:
        raise RunFailed(
            f"{path} is no accuracy log, cut off or damaged: {error}", hint="run again"
        ) from None
    return [(entry.qsl_idx, entry.data) for entry in entries]


def _read(path: Path, most: int) -> bytes:
    try:
        return read_bounded(path, most)
    except FileNotFoundError as error:
        raise RunFailed(f"LoadGen left no {path.name}: {reason_of(error)}") from None
    except UsageError as error:  # it was LoadGen that wrote it
        raise RunFailed(error.message, hint=error.hint) from None


def _label(data: bytes) -> int:
    (label,) = np.frombuffer(data, np.int32)
    return int(label)
