"""``r50bench replay``: a record's run once more, compared with what it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from r50bench.cli.comparing import as_printed, threshold_option
from r50bench.cli.options import out_option, quiet_option, undisturbed_option
from r50bench.cli.replay_plan import plan_replay
from r50bench.cli.shell import terminal_width
from r50bench.comparison.between import compare_by_history
from r50bench.comparison.questions import have_ratio
from r50bench.comparison.side import MeasuredRun, read_run, side_of
from r50bench.errors import UsageError
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.load import LoadGen
from r50bench.measure.bench import Bench, announce_host, bench_here
from r50bench.measure.processes import bench_for_processes
from r50bench.measure.remembering import remember
from r50bench.measure.session import Outcome, run_session
from r50bench.mlperf.run.extent import headline
from r50bench.mlperf.run.loadgen_run import run_mlperf
from r50bench.planning.planned import Planned
from r50bench.report.processes import processes_text
from r50bench.report.table import Column, Table
from r50bench.report.terminal import TerminalProgress
from r50bench.results.differences import FigurePair, figure_pairs
from r50bench.results.history import History, history_path
from r50bench.results.judged import Judged
from r50bench.results.kpi import Kpi
from r50bench.results.record import Record, read_record
from r50bench.wording import figure, with_interval

__all__ = ["replay"]

_COLUMNS = (
    Column("figure", "left"),
    Column("before", "right"),
    Column("now", "right"),
    Column("change", "right"),
    Column("", "left"),
)


@click.command("replay")
@click.argument("record", metavar="RECORD")
@click.option(
    "--processes",
    type=click.IntRange(1, 1000),
    default=1,
    metavar="N",
    help="Run it N times, by fresh processes.",
)
@threshold_option
@undisturbed_option
@out_option("the new record goes")
@quiet_option
def replay(
    record: str, processes: int, threshold: float, judged: Judged, out: Path, quiet: bool
) -> None:
    """Runs the same again, compares, and says what else differs.

    RECORD is the folder of a run, its record.json, or the id of a record in the history. The case
    is run with the values that were in effect, whatever the environment says. A host that cannot
    run it so refuses with exit code 6.

    The verdict is that of 'r50bench compare', which two single processes seldom get: --processes
    helps. It does not decide the exit code; 'r50bench check' does that.
    """
    folder = _folder(record)
    host = topology.read_host()
    planned = plan_replay(_read(folder), host)
    before = read_run(folder)
    outcomes = _repeat(planned, processes, host, out, quiet=quiet)
    click.echo("\n".join(_report(before, outcomes, threshold, judged)))


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


def _repeat(
    planned: Planned, processes: int, host: Host, out: Path, *, quiet: bool
) -> list[Outcome]:
    """Runs the case so many times.

    Raises:
        R50BenchError: a run failed; what follows is not begun.
    """
    outcomes = []
    with TerminalProgress(quiet=quiet) as progress:
        bench = bench_here(host, out, progress)
        if processes > 1:
            bench = bench_for_processes(bench, [planned], processes)
        if isinstance(planned.load, LoadGen):
            progress.note(headline(planned))
        announce_host(bench)
        for _ in range(processes):
            outcome = _run(planned, bench)
            remember(outcome, progress)
            if outcome.error is not None:
                raise outcome.error
            outcomes.append(outcome)
    return outcomes


def _run(planned: Planned, bench: Bench) -> Outcome:
    if isinstance(planned.load, LoadGen):
        return run_mlperf(planned, bench)
    return run_session(planned, bench)


def _report(
    before: MeasuredRun, outcomes: Sequence[Outcome], threshold: float, judged: Judged
) -> list[str]:
    """Returns the comparison, all figures of a single repetition, and where the records lie.

    Of several, figures that have no ratio stand beside each other instead.
    """
    lines = [f"{before.record.id}, once more:"]
    runs = [MeasuredRun(outcome.record, outcome.block.kpis) for outcome in outcomes]
    primary = [run.primary for run in runs]
    if have_ratio([before.primary], primary):
        base, new = side_of(before.record.id, [before]), side_of("once more", runs)
        lines += [as_printed(compare_by_history(base, new, threshold, judged), "text")]
    elif len(runs) > 1:
        beside = [(before.record.id, [before.primary]), ("once more", primary)]
        lines += [processes_text(beside, terminal_width())]
    if len(outcomes) == 1:
        pairs = figure_pairs(before.figures, outcomes[0].block.kpis)
        lines += [Table.of(_COLUMNS, map(_row, pairs)).text(), f"# record: {outcomes[0].folder}"]
    else:
        lines += [f"# records: {outcomes[0].folder.parent}"]
    return lines


def _row(pair: FigurePair) -> tuple[str, ...]:
    return (
        pair.before.label,
        _figure(pair.before),
        _figure(pair.after),
        _change(pair),
        "! differs" if pair.recounted else "",
    )


def _change(pair: FigurePair) -> str:
    if pair.points is not None:
        return f"{pair.points:+.2f} points"
    return "" if pair.change is None else f"{100 * pair.change:+.1f} %"


def _figure(kpi: Kpi) -> str:
    if kpi.half_width is None:
        return figure(kpi.value)
    return with_interval(kpi.value, kpi.half_width)
