"""Entries of axs' MLPerf workflow: ``data_axs.json`` with LoadGen's logs beside it.

The entry says what was asked, LoadGen's ``mlperf_log_detail.txt`` what came out, or its summary, or
a text ``accuracy=75.200%, good=376, total=500``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from r50bench.errors import UsageError
from r50bench.history.old_files import NUMBER, read_text, run_id
from r50bench.results.files import checked_json
from r50bench.results.foreign import ForeignFigure, ForeignRun

__all__ = ["ENTRY_FILE", "read_axs_entries"]

ENTRY_FILE = "data_axs.json"

_DETAIL, _SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
_ACCURACY = re.compile(rf"accuracy={NUMBER}%, good=(\d+), total=(\d+)")


@dataclass(frozen=True)
class _Figure:
    """A figure of LoadGen: its key in the detailed log, its name in the summary, its unit."""

    key: str
    name: str
    unit: str


_RESULTS = {
    "Offline": (_Figure("result_samples_per_second", "Samples per second", "samples/s"),),
    "Server": (
        _Figure("result_completed_samples_per_sec", "Completed samples per second", "samples/s"),
    ),
    "SingleStream": (
        _Figure("early_stopping_latency_ss", "Early stopping 90th percentile estimate", "ns"),
        _Figure("result_90.00_percentile_latency_ns", "90th percentile latency", "ns"),
    ),
    "MultiStream": (
        _Figure("early_stopping_latency_ms", "Early stopping 99th percentile estimate", "ns"),
        _Figure("result_99.00_percentile_per_query_latency_ns", "99th percentile latency", "ns"),
    ),
}
"""A scenario's result, and what stands beside it; LoadGen before 1.1 estimates no percentile."""


def read_axs_entries(folder: Path) -> tuple[list[ForeignRun], list[tuple[str, str]]]:
    """Returns the LoadGen runs in ``folder`` and below it, and what could not be read, and why.

    Other entries, such as data sets and packages, are passed over.
    """
    runs, refused = [], []
    for path in sorted(folder.rglob(ENTRY_FILE)):
        try:
            entry = _entry(path)
            if "loadgen_output" in _tags_of(entry):
                runs.append(_run(path, entry))
        except UsageError as error:
            refused.append((str(path), error.message))
    return runs, refused


def _entry(path: Path) -> dict[str, Any]:
    try:
        return checked_json(read_text(path).encode(), dict[str, Any])
    except ValueError as error:
        raise UsageError(f"{path} is no entry of axs: {error}") from error


def _tags_of(entry: dict[str, Any]) -> list[str]:
    tags = entry.get("tags")
    return tags if isinstance(tags, list) else []


def _run(path: Path, entry: dict[str, Any]) -> ForeignRun:
    settings = {
        key: str(value)
        for key, value in entry.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }
    logs = {
        name: read_text(path.parent / name)
        for name in (_DETAIL, _SUMMARY)
        if (path.parent / name).is_file()
    }
    detail = dict(_detail(logs.get(_DETAIL, "")))
    mode, scenario = settings.get("loadgen_mode", ""), settings.get("loadgen_scenario", "")
    performance = _performance(scenario, detail, logs.get(_SUMMARY, ""))
    figures = (*performance, *_accuracy(path.parent, entry))
    words = ("mlperf", scenario, mode, settings.get("framework", ""))
    return ForeignRun(
        id=run_id("axs", read_text(path), *logs.values()),
        created=_begun(detail),
        workload="axs",
        name="_".join(word for word in words if word),
        mode="accuracy" if mode == "AccuracyOnly" else "",
        passed=bool(figures) and not _invalid(detail, logs.get(_SUMMARY, "")),
        figures=figures,
        source=str(path.parent.absolute()),
        settings=settings,
    )


def _detail(text: str) -> Iterator[tuple[str, Any]]:
    """Yields the keys and values of LoadGen's detailed log, a line of JSON after ``:::MLLOG``."""
    for line in text.splitlines():
        _, mark, data = line.partition(":::MLLOG")
        if mark:
            try:
                entry = checked_json(data.strip().encode(), dict[str, Any])
            except ValueError:
                continue
            yield str(entry.get("key")), entry.get("value")


def _performance(scenario: str, detail: dict[str, Any], summary: str) -> Iterator[ForeignFigure]:
    """Yields the scenario's result first, where the run tells it."""
    for known in _RESULTS.get(scenario, ()):
        value = detail.get(known.key)
        if value is None:
            value = _in_summary(known.name, summary)
        if isinstance(value, int | float):
            yield ForeignFigure(known.name, known.unit, float(value))


def _in_summary(name: str, summary: str) -> float | None:
    """Finds ``90th percentile latency (ns) : 7``; newer LoadGens write ``90.0th``."""
    words = name.replace("th ", r"(?:\.0)?th ", 1)
    line = rf"^[ *]*{words}\s*(?:\(ns\))?\s*:\s*{NUMBER}\s*$"
    match = re.search(line, summary, re.M | re.I)
    return float(match[1]) if match else None


def _invalid(detail: dict[str, Any], summary: str) -> bool:
    said = re.search(r"^Result is\s*:\s*INVALID", summary, re.M)
    return detail.get("result_validity") == "INVALID" or said is not None


def _begun(detail: dict[str, Any]) -> str:
    """Returns when the test began, from LoadGen's ``11-27-2026 10:11:17.803``."""
    try:
        begun = datetime.strptime(str(detail.get("power_begin")), "%m-%d-%Y %H:%M:%S.%f")
    except ValueError:
        return ""
    return begun.isoformat(timespec="seconds")


def _accuracy(folder: Path, entry: dict[str, Any]) -> Iterator[ForeignFigure]:
    texts = [str(value) for key, value in entry.items() if "accuracy" in key]
    texts += [read_text(path) for path in sorted(folder.glob("*accuracy*.txt"))]
    for text in texts:
        if match := _ACCURACY.search(text):
            yield ForeignFigure("Accuracy", "%", float(match[1]))
            return
