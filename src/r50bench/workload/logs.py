"""The folder of logs that a workload leaves: what is written beside the records of its run.

status                   the run's exit code
output.log               all that the run said
kpi.txt                  the KPI blocks of its records
benchmark_….log          the same as the original workload says it (one record alone)
output/instance_N.log    of that what each instance said
<record>/                the records themselves
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from r50bench.errors import R50BenchError, RunFailed, UsageError
from r50bench.report.kpi_block import KpiBlock, blocks_text, kpi_block
from r50bench.results.folders import record_folders
from r50bench.results.record import Record, new_record_id
from r50bench.results.samples import Samples, read_measured
from r50bench.workload.benchmark_log import benchmark_log, instance_logs, log_name

__all__ = ["OUTPUT", "STATUS", "new_folder", "write_logs"]

STATUS, OUTPUT = "status", "output.log"

_SHARED_MEMORY = Path("/dev/shm")  # may be written where nothing else of a container may


def new_folder(wanted: Path) -> Path:
    """Makes a new folder in ``wanted``, or where that cannot be written in a temporary one.

    Raises:
        RunFailed: nothing can be written anywhere.
    """
    name = new_record_id("workload", datetime.now(timezone.utc))
    for place in _places(wanted):
        try:
            place.mkdir(parents=True, exist_ok=True)
            folder = place / name
            folder.mkdir()
        except OSError:
            continue
        return folder
    raise RunFailed(
        f"there is no place for logs: neither {wanted} nor a temporary folder can be written",
        hint="docker run --tmpfs /tmp, or -v FOLDER:/logs",
    )


def _places(wanted: Path) -> Iterator[Path]:
    yield wanted
    with suppress(OSError):  # there may be none
        yield Path(tempfile.gettempdir())
    yield _SHARED_MEMORY


def write_logs(folder: Path, status: int) -> None:
    """Writes into ``folder``, which holds the run's records and output, all that goes with them.

    A record that cannot be read is left out; ``status`` tells that not all went well.
    """
    runs = list(_runs(folder))
    if runs:
        (folder / "kpi.txt").write_text(blocks_text([run.block for run in runs]))
    if len(runs) == 1 and runs[0].block.valid:
        _write_benchmark_log(folder, runs[0])
    (folder / STATUS).write_text(f"{status}\n")


@dataclass(frozen=True)
class _Run:
    record: Record
    samples: Samples | None
    block: KpiBlock


def _runs(folder: Path) -> Iterator[_Run]:
    try:
        found = record_folders(folder)
    except UsageError:  # none at all: the run was refused
        return
    for path in found:
        try:
            record, samples = read_measured(path)
            yield _Run(record, samples, kpi_block(record, samples))
        except R50BenchError:
            continue


def _write_benchmark_log(folder: Path, run: _Run) -> None:
    instances = instance_logs(run.record, run.samples)
    (folder / log_name(run.record)).write_text(benchmark_log(run.block, instances))
    (folder / "output").mkdir()
    for number, text in enumerate(instances):
        (folder / "output" / f"instance_{number}.log").write_text(text)
