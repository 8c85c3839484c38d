"""``r50bench mlperf``: one scenario of MLPerf's LoadGen, answered by this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from r50bench.assets.store import default_store
from r50bench.cli.loadgen_plan import show_loadgen_plan
from r50bench.cli.options import (
    Command,
    dry_run_option,
    full_option,
    json_option,
    option_of,
    options_of,
    out_option,
    quiet_option,
    set_option,
)
from r50bench.cli.pages import PAGE, leave_page, shown_of
from r50bench.cli.sent_around import SentAround
from r50bench.cli.shell import result_as_data
from r50bench.errors import RunFailed
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.measure.bench import AssetResolver, announce_cases, announce_host, bench_here
from r50bench.measure.remembering import remember
from r50bench.measure.session import CaseResult, Outcome
from r50bench.mlperf.offline_beside import offline_beside
from r50bench.mlperf.plan import plan_mlperf
from r50bench.mlperf.run.extent import headline
from r50bench.mlperf.run.loadgen_run import refuse_impossible, run_mlperf
from r50bench.notices import Silent
from r50bench.parameters.workflow import WORKFLOW, collect_workflow
from r50bench.planning.planned import Planned
from r50bench.report.kpi_block import block_text
from r50bench.report.loadgen import mlperf_text
from r50bench.report.terminal import TerminalProgress
from r50bench.results.history import History, history_path
from r50bench.results.record import Record
from r50bench.wording import look_again

__all__ = ["mlperf"]


def _workflow_options(command: Command) -> Command:
    """Adds the options that have names of the query-driven workflow, in the order of the table."""
    for parameter in reversed(WORKFLOW):
        command = option_of(parameter)(command)
    return command


@click.command("mlperf", cls=SentAround, epilog="Empty values mean the default.")
@_workflow_options
@dry_run_option("what would run, for how long, why and where")
@full_option
@json_option("the record")
@out_option("the record goes")
@quiet_option
@set_option("Set a parameter by name, such as loadgen_target_qps=100 or BATCH_SIZE=8.")
@options_of(lambda parameter: parameter.of_mlperf)
def mlperf(
    dry_run: bool,
    full: bool,
    as_json: bool,
    out: Path,
    quiet: bool,
    sets: tuple[str, ...],
    **options: str | bool | None,
) -> None:
    """Runs MLPerf's LoadGen on this machine: one scenario, one mode, ResNet-50.

    LoadGen judges the run itself; its logs and user.conf lie in the record's folder. Durations and
    counts are MLPerf's official ones unless --quick, --duration or --query-count shorten them, and
    a shortened run says so wherever it appears. A target that is not given is measured first.

    The options of LoadGen also go by the names of the query-driven workflow, as
    --loadgen-target-qps 100 or --set loadgen_target_qps=100; the other parameters are those of
    'r50bench run'. The precision is fp32 unless given.
    """
    loadgen, settings = collect_workflow(options, sets, os.environ)
    host = topology.read_host()
    planned = plan_mlperf(loadgen, settings, host)
    if dry_run:
        refuse_impossible(planned, AssetResolver(default_store(), Silent()))
        show_loadgen_plan(planned, host, as_json=as_json)
        return
    _run(planned, host, out, as_json=as_json, quiet=quiet, full=full)


def _run(
    planned: Planned, host: Host, out: Path, *, as_json: bool, quiet: bool, full: bool
) -> None:
    with TerminalProgress(quiet=quiet) as progress:
        bench = bench_here(host, out, progress)
        progress.note(headline(planned))
        announce_host(bench)
        announce_cases([planned], progress)
        outcome = run_mlperf(planned, bench)
    try:
        if as_json:
            result = CaseResult(planned, outcome, outcome.error)
            click.echo(json.dumps(result_as_data(result), indent=2))
        else:
            click.echo(_as_text(outcome, full=full), nl=False)
    finally:
        remember(outcome, progress)
    page = leave_page(shown_of([outcome]), outcome.folder / PAGE, progress, title=planned.name)
    if not as_json:
        click.echo(page, nl=False)
    if outcome.error is not None:
        raise outcome.error


def _as_text(outcome: Outcome, *, full: bool) -> str:
    if full:
        text = block_text(outcome.block) + "\n"
    else:
        text = mlperf_text(outcome.record, _offline_beside(outcome.record))
    return f"{text}# record: {outcome.folder}   look again: {look_again(outcome.folder)}\n"


def _offline_beside(record: Record) -> Record | None:
    """Returns the Offline run to compare with; None, too, where the history cannot be read."""
    try:
        with History(history_path()) as history:
            return offline_beside(record, history)
    except RunFailed:
        return None
