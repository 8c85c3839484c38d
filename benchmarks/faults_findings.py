"""What is wrong after a trial of faults.py."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from signal import SIGPIPE

from faults_trials import (
    BATCH_MS,
    TAMPERED,
    Ended,
    Grounds,
    Trial,
    carry_out,
    kill,
    marked,
    run_to_its_end,
    state_of,
)

from r50bench.errors import R50BenchError
from r50bench.load import Steps
from r50bench.report.kpi_block import kpi_block
from r50bench.results.record import Record, read_record
from r50bench.results.samples import Samples, samples_of

__all__ = ["try_out"]

LEFT_AFTER_S = 2.0
CAME_TO_ITS_END = (0, 5, 128 + SIGPIPE)
"""Statuses with which a command ends that was neither killed nor interrupted."""


def try_out(trial: Trial, grounds: Grounds) -> tuple[Trial, Ended, list[str]]:
    """Carries out a trial in a folder of its own; returns also what is wrong afterwards."""
    with tempfile.TemporaryDirectory(
        dir=grounds.folder, prefix=f"{trial.number}-", ignore_cleanup_errors=True
    ) as folder:
        own = Path(folder)
        end = carry_out(trial, grounds, own)
        return trial, end, list(findings(trial, end, own, grounds))


def findings(trial: Trial, end: Ended, own: Path, grounds: Grounds) -> Iterator[str]:
    """Yields all that is wrong after a trial."""
    if grounds.stopped.is_set():  # by us, and not by the fault
        return
    if end.status is None:
        yield "hung"
    if is_bug(end.said):
        yield "traceback"
    yield from left_running(own)
    records = [path.parent for path in own.glob("out/**/record.json") if not hidden(path, own)]
    for folder in records:
        if trial.fault not in TAMPERED and (wrong := not_to_be_valid(folder, trial)):
            yield f"valid and should not be: {wrong}"
    if end.status == 0 and trial.fault not in TAMPERED and not records:
        yield "record lost: the command ended with 0"
    if end.status in CAME_TO_ITS_END and trial.fault not in TAMPERED:
        said_absent = "is not in the history" in end.said
        missing = [] if said_absent else not_in_history(records, own / "data")
        if missing:
            yield f"record lost: {missing[0].name} is not in the history, and nobody said so"
    if trial.fault in TAMPERED and records:
        done = run_to_its_end(
            [sys.executable, "-m", "r50bench", "kpi", str(own / "out")], os.environ, own, 120
        )
        if is_bug(done.stderr) or done.returncode == 1:
            yield "traceback (of kpi afterwards)"
    if trial.verb == "sweep" and (own / "out" / "sweep.json").exists():
        yield from not_resumed(trial, own, grounds)


def is_bug(said: str) -> bool:
    return "Traceback (most recent call last)" in said or "this is a bug" in said


def left_running(own: Path) -> Iterator[str]:
    began = time.monotonic()
    while (left := marked(own)) and time.monotonic() - began < LEFT_AFTER_S:
        time.sleep(0.05)
    if left:
        names = [_command_of(pid) for pid in left]
        for pid in left:
            kill(pid)
        yield f"process left: {'; '.join(names)}"


def _command_of(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        return f"{words.decode(errors='replace')[-120:]} ({state_of(Path(f'/proc/{pid}'))})"
    except OSError:
        return "one that has ended since"


def not_resumed(trial: Trial, own: Path, grounds: Grounds) -> Iterator[str]:
    """Yields why a sweep that was struck does not go on to its end."""
    words = ["sweep", "--resume", str(own / "out")]
    environment = grounds.environment(own)
    if trial.fault == "removed folder":
        shutil.rmtree(own / "data", ignore_errors=True)
    done = run_to_its_end([sys.executable, "-m", "r50bench", *words], environment, own, 120)
    if is_bug(done.stderr):
        yield f"traceback (of sweep --resume): {done.stderr[-300:]}"
    elif done.returncode not in (0, 2) or (done.returncode == 2 and trial.fault not in TAMPERED):
        yield f"record lost: sweep --resume ends with {done.returncode}: {done.stderr[-300:]}"
    elif done.returncode == 0:
        records = own.glob("out/[!.]*/record.json")
        statuses = [read_record(path.parent).status for path in records]
        if statuses.count("valid") != 2:
            yield f"record lost: the sweep of 2 points has {statuses.count('valid')} valid records"


def hidden(path: Path, own: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(own).parts)


def not_to_be_valid(folder: Path, trial: Trial) -> str | None:
    """Says why a valid record should not be, None where all is well with it."""
    try:
        record = read_record(folder)
        samples = samples_of(record, folder)
    except R50BenchError as error:
        return f"it cannot be read: {error}"
    if record.status != "valid":
        return None
    if samples is None:
        return None if record.loadgen is not None else "it has no samples"
    if isinstance(record.load, Steps) and (wrong := _incomplete(record, samples)):
        return wrong
    figures = {kpi.name: kpi.value for kpi in kpi_block(record, samples).kpis}
    expected = 1000 * record.case.batch_size * record.case.instances / BATCH_MS
    found = figures.get("Average Throughput")
    if record.engine is not None and record.engine.name == "fake" and found is not None:
        return None if abs(found / expected - 1) < 1e-9 else f"{found} img/s, not {expected}"
    return None


def _incomplete(record: Record, samples: Samples) -> str | None:
    case = record.case
    due = (case.steps or 0) * case.instances * case.repeat
    return None if len(samples.step) == due else f"{len(samples.step)} of {due} batches"


def not_in_history(records: Sequence[Path], data: Path) -> list[Path]:
    try:
        connection = sqlite3.connect(f"file:{data / 'history.sqlite'}?mode=ro", uri=True)
        known = {row[0] for row in connection.execute("SELECT id FROM records")}
        connection.close()
    except sqlite3.Error:
        known = set()
    return [folder for folder in records if folder.name not in known]
