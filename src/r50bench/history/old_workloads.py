"""Which of the former workloads' forms a path has, and the runs it tells of."""

from __future__ import annotations

from pathlib import Path

from r50bench.errors import UsageError
from r50bench.history.archive import Refused
from r50bench.history.axs import ENTRY_FILE, read_axs_entries
from r50bench.history.wsf import read_kpi_output, read_wsf_logs
from r50bench.results.foreign import ForeignRun
from r50bench.results.record import RECORD_FILE

__all__ = ["foreign_runs_in"]


def foreign_runs_in(path: Path) -> tuple[list[ForeignRun], list[Refused]]:
    """Returns the runs of others that a file or folder tells of, and what could not be read.

    Raises:
        UsageError: it is nothing that is known here.
    """
    if not path.exists():
        raise UsageError(f"there is no {path}", hint="name an archive, or a folder of logs")
    if not path.is_dir() and path.name != ENTRY_FILE:
        run = read_kpi_output(path)
        if run is None:
            raise UsageError(f"{path} holds no line of a KPI, and is no archive", hint=_KNOWN)
        return [run], []
    folder = path if path.is_dir() else path.parent
    logs, unread_logs = read_wsf_logs(folder)
    entries, unread_entries = read_axs_entries(folder)
    refused = [Refused(*one) for one in (*unread_logs, *unread_entries)]
    if not logs and not entries and not refused:
        hint = _KNOWN
        if next(folder.rglob(RECORD_FILE), None) is not None:
            hint = f"records of r50bench are added by 'r50bench history add {path}'"
        raise UsageError(f"{path} holds no log that is known here", hint=hint)
    return [*logs, *entries], refused


_KNOWN = (
    "known are archives of 'r50bench history export', folders logs-CASE and the output of kpi.sh of"
    " the Workload Services Framework, and data_axs.json with LoadGen's logs"
)
