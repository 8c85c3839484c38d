"""``r50bench replay``: a record's run once more, and what differs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from r50bench.cli.options import out_option, quiet_option
from r50bench.cli.replay_plan import plan_replay
from r50bench.comparison.differences import Difference, FigurePair, differences, figure_pairs
from r50bench.errors import UsageError
from r50bench.host import topology
from r50bench.load import LoadGen
from r50bench.measure.bench import Bench, announce_host, bench_here
from r50bench.measure.session import Outcome, remember, run_session
from r50bench.mlperf.run.loadgen_run import run_mlperf
from r50bench.planning.planned import Planned
from r50bench.report.table import Column, Table
from r50bench.report.terminal import TerminalProgress
from r50bench.results.history import History, history_path
from r50bench.results.kpi import Kpi, kpis
from r50bench.results.record import Record, read_record
from r50bench.results.samples import samples_of
from r50bench.wording import figure, with_interval

__all__ = ["replay"]

_COLUMNS = (
    Column("figure", "left"),
    Column("before", "right"),
    Column("now", "right"),
    Column("change", "right"),
    Column("", "left"),
)
_SAID = {
    "agrees": "",
    "differs": "! differs",
    "unknown": "no interval",
}


@click.command("replay")
@click.argument("record", metavar="RECORD")
@out_option("the new record goes")
@quiet_option
def replay(record: str, out: Path, quiet: bool) -> None:
    """Runs the same again and says what differs.

    RECORD is the folder of a run, its record.json, or the id of a record in the history. The case
    is run with the values that were in effect, whatever the environment says. A host that cannot
    run it so refuses with exit code 6.

    Figures are compared by their 95 % intervals: '! differs' says that these do not meet, or that a
    count changed.
    """
    folder = _folder(record)
    before = _read(folder)
    outcome = _repeat(before, out, quiet=quiet)
    if outcome.error is not None:
        raise outcome.error
    click.echo("\n".join(_comparison(before, folder, outcome)))


def _folder(record: str) -> Path:
    """Returns the record's folder.

    Raises:
        UsageError: there is neither such a folder nor such an id.
    """
    path = Path(record)
    if path.exists():
        return path if path.is_dir() else path.parent
    with History(history_path()) as history:
        folder = history.folder_of(record)
    if folder is None:
        raise UsageError(
            f"{record!r} is neither a folder nor the id of a record in the history",
            hint="'r50bench find' lists the records",
        )
    return folder


def _read(folder: Path) -> Record:
    """Returns the record, which must have figures to compare with.

    Raises:
        UsageError: there is none, or it is invalid.
    """
    record = read_record(folder)
    if record.status != "valid":
        raise UsageError(
            f"{record.id} is invalid and has no figures to compare with: {record.reason}",
            hint="'r50bench find status=valid' lists those that have",
        )
    return record


def _repeat(before: Record, out: Path, *, quiet: bool) -> Outcome:
    host = topology.read_host()
    planned = plan_replay(before, host)
    with TerminalProgress(quiet=quiet) as progress:
        bench = bench_here(host, out, progress)
        announce_host(bench)
        outcome = _run(planned, bench)
        remember(outcome, progress)
    return outcome


def _run(planned: Planned, bench: Bench) -> Outcome:
    if isinstance(planned.load, LoadGen):
        return run_mlperf(planned, bench)
    return run_session(planned, bench)


def _comparison(before: Record, folder: Path, outcome: Outcome) -> list[str]:
    """Returns what differs beside the figures, then the figures, then where the record lies."""
    after = outcome.record
    pairs = figure_pairs(kpis(before, samples_of(before, folder)), outcome.block.kpis)
    return [
        f"{before.id}, once more:",
        *_difference_lines(differences(before, after)),
        Table.of(_COLUMNS, map(_row, pairs)).text(),
        f"# record: {outcome.folder}",
    ]


def _difference_lines(found: Sequence[Difference]) -> list[str]:
    if not found:
        return ["host, versions, model, data, engine and case are the same"]
    return [f"{one.what}: {_said(one.before)} -> {_said(one.after)}" for one in found]


def _said(value: object) -> str:
    return "unknown" if value is None else str(value)


def _row(pair: FigurePair) -> tuple[str, ...]:
    return (
        pair.before.label,
        _figure(pair.before),
        _figure(pair.after),
        _change(pair),
        _SAID[pair.verdict],
    )


def _change(pair: FigurePair) -> str:
    if pair.points is not None:
        return f"{pair.points:+.2f} points"
    return "" if pair.change is None else f"{100 * pair.change:+.1f} %"


def _figure(kpi: Kpi) -> str:
    if kpi.half_width is None:
        return figure(kpi.value)
    return with_interval(kpi.value, kpi.half_width)
