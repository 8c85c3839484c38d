"""One side of a comparison: runs with their figures, from folders or from a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from r50bench.errors import R50BenchError, RunFailed, UsageError
from r50bench.notices import Notice, disturbance
from r50bench.results.files import plain_json, read_bounded
from r50bench.results.kpi import Kpi, kpis_if_valid
from r50bench.results.record import Record, record_of_data
from r50bench.results.samples import Samples, read_measured
from r50bench.wording import counted

if TYPE_CHECKING:  # comparing needs nothing of measuring
    from r50bench.measure.record_draft import Outcome

__all__ = [
    "MeasuredRun",
    "Side",
    "read_run",
    "read_runs_file",
    "run_left",
    "runs_as_data",
    "side_of",
]

_MOST_BYTES = 256 << 20  # 1,000 records of 100 workers each
_FILE_HINT = "files of runs are written by 'r50bench run --json' and 'r50bench baseline save'"


@dataclass(frozen=True)
class MeasuredRun:
    """A record and its figures, the primary one first; none where the record is invalid.

    ``samples`` and ``folder`` are None where it comes from a file that holds figures alone.
    """

    record: Record
    figures: tuple[Kpi, ...]
    samples: Samples | None = None
    folder: Path | None = None

    @property
    def primary(self) -> Kpi:
        return self.figures[0]


@dataclass(frozen=True)
class Side:
    """Valid runs of one host under a title; ``notices`` tell what was left out, or is odd."""

    title: str
    runs: tuple[MeasuredRun, ...]
    notices: tuple[Notice, ...] = ()


def run_left(outcome: Outcome) -> MeasuredRun:
    """Returns the run that a session left."""
    figures = outcome.block.kpis
    return MeasuredRun(outcome.record, figures, outcome.samples, outcome.folder)


def side_of(title: str, runs: Iterable[MeasuredRun]) -> Side:
    """Returns a side of the runs, each once; invalid ones are left out with a notice.

    Raises:
        UsageError: none is left, or they are of different hosts.
    """
    each = list({run.record.id: run for run in runs}.values())
    valid = tuple(run for run in each if run.record.status == "valid")
    if not valid:
        raise UsageError(
            f"{title}: {_why_empty(each)}",
            hint="'r50bench find status=valid' lists records that have figures",
        )
    _refuse_mixed_hosts(title, valid)
    return Side(title, valid, tuple(_notices(title, each, valid)))


def read_run(folder: Path) -> MeasuredRun:
    """Returns the run in a record's folder.

    Raises:
        UsageError: there is no record, or it cannot be read.
        RunFailed: its samples are missing or damaged.
    """
    record, samples = read_measured(folder)
    return MeasuredRun(record, kpis_if_valid(record, samples), samples, folder)


def read_runs_file(path: Path) -> list[MeasuredRun]:
    """Returns the runs of a file such as :func:`runs_as_data` and ``run --json`` give.

    Raises:
        UsageError: it is no such file, or cannot be read.
    """
    try:
        data = plain_json(read_bounded(path, _MOST_BYTES))
    except (OSError, RunFailed) as error:
        reason = error.message if isinstance(error, RunFailed) else "it is not there"
        raise UsageError(f"{path} cannot be read: {reason}") from error
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}", hint=_FILE_HINT) from error
    entries = data if isinstance(data, list) else [data]
    try:
        return [_run_of_data(entry) for entry in entries if not _never_started(entry)]
    except R50BenchError as error:
        raise UsageError(f"{path}: {error.message}", hint=error.hint or _FILE_HINT) from error


def runs_as_data(runs: Iterable[MeasuredRun]) -> list[dict[str, Any]]:
    """Returns the runs as plain data, whole, so that nothing else is needed to compare them."""
    return [
        msgspec.to_builtins(run.record)
        | {"name": run.record.name, "kpis": msgspec.to_builtins(run.figures)}
        for run in runs
    ]


def _never_started(entry: Any) -> bool:
    """Whether ``run --json`` says of a case that it left no record."""
    return isinstance(entry, dict) and entry.get("status") == "failed" and "id" not in entry


def _run_of_data(entry: Any) -> MeasuredRun:
    if not isinstance(entry, dict) or not isinstance(entry.get("kpis"), list):
        raise UsageError("it holds no runs with their figures", hint=_FILE_HINT)
    record = record_of_data(entry)
    try:
        figures = msgspec.convert(entry["kpis"], tuple[Kpi, ...])
    except msgspec.ValidationError as error:
        raise UsageError(f"figures of {record.id}: {error}", hint=_FILE_HINT) from error
    if record.status == "valid" and not (figures and figures[0].primary):
        raise UsageError(f"{record.id} has no primary figure", hint=_FILE_HINT)
    return MeasuredRun(record, figures)


def _why_empty(runs: Sequence[MeasuredRun]) -> str:
    if not runs:
        return "no run is meant"
    first = runs[0].record
    if len(runs) == 1:
        return f"{first.id} is invalid and has no figures: {first.reason}"
    return f"all {len(runs)} runs are invalid, the first because {first.reason}"


def _refuse_mixed_hosts(title: str, runs: Sequence[MeasuredRun]) -> None:
    hosts = {_host_of(run.record.host): run.record.id for run in runs}
    if len(hosts) > 1:
        first, second = list(hosts.items())[:2]
        raise UsageError(
            f"{title} mixes runs of different hosts: {first[1]} ran on {first[0][1]},"
            f" {second[1]} on {second[0][1]}",
            hint="name the runs of one host on each side, by folder or by a query with host=…",
        )


def _host_of(host: Mapping[str, Any]) -> tuple[str, str]:
    """Returns what tells hosts apart, and a name for people."""
    model = str(host.get("model_name", "an unknown CPU"))
    mark = str(host.get("fingerprint", model))
    return mark, f"{model} (host {mark})" if mark != model else model


def _notices(
    title: str, runs: Sequence[MeasuredRun], valid: Sequence[MeasuredRun]
) -> Iterable[Notice]:
    if left_out := len(runs) - len(valid):
        text = f"{title}: {counted(left_out, 'invalid run')} left out"
        yield Notice("invalid-left-out", text)
    disturbed = [run for run in valid if disturbance(run.record.lost_cpu_share) is not None]
    if disturbed:
        text = f"{title}: others had the CPUs during {len(disturbed)} of {len(valid)} runs"
        yield Notice("disturbed", text, "run again while nothing else does")
