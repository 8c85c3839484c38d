"""``r50bench run``: the main job, or the cases that are named.

A case that is named does without what chooses among several, and without what shows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from r50bench.case import CaseName
from r50bench.cli.options import (
    collect_settings,
    dry_run_option,
    full_option,
    json_option,
    out_option,
    parameter_options,
    quiet_option,
    set_option,
    tuned_option,
)
from r50bench.errors import UsageError
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.measure.bench import Bench, announce_cases, announce_host, bench_here
from r50bench.measure.session import CaseResult, raise_failures, run_cases
from r50bench.notices import Progress
from r50bench.parameters import Setting
from r50bench.planning.planned import Planned, plan_named
from r50bench.report.kpi_block import blocks_text
from r50bench.report.terminal import TerminalProgress
from r50bench.wording import look_again

__all__ = ["run"]


@click.command("run", epilog="Empty values mean the default. See also 'r50bench list'.")
@click.argument("cases", nargs=-1, metavar="[CASE-OR-GLOB]...")
@click.option("--all", "every", is_flag=True, help="Main job: every precision this CPU has.")
@click.option(
    "--processes",
    type=click.IntRange(1, 1000),
    default=1,
    metavar="N",
    help="Run every case N times, by fresh processes: samples to compare by.",
)
@click.option("-R", "regex", metavar="REGEX", help="Choose designed cases by regular expression.")
@dry_run_option("the effective cases and their CPUs")
@click.option(
    "--prepare-only",
    is_flag=True,
    help="Fetch, compile and keep what the cases need, measure nothing.",
)
@full_option
@json_option("the records")
@out_option("the records go")
@quiet_option
@tuned_option
@set_option("Set a parameter by its upper-case name, such as BATCH_SIZE=64.")
@parameter_options
def run(
    cases: tuple[str, ...],
    every: bool,
    processes: int,
    regex: str | None,
    dry_run: bool,
    prepare_only: bool,
    full: bool,
    as_json: bool,
    out: Path,
    quiet: bool,
    tuned: bool,
    sets: tuple[str, ...],
    **options: str | bool | None,
) -> None:
    """Measures cases; without any, does the main job.

    A case is <function>_<mode>_<precision>[_<case type>], such as
    inference_latency_avx_int8_gated; a glob ('inference_throughput_*') or -R chooses among those
    that 'r50bench list' shows, and takes gated and pkm ones only if it names them. Without a case,
    --mode, --precision and --case-type name them; without these too, the main job is done:
    throughput, latency and accuracy of the best precision of fp32, bf16 and int8, on PyTorch as it
    ships and on r50bench's own kernels, in turns.

    Every option below is also a setting (--set BATCH_SIZE=64) and an environment variable
    (R50BENCH_BATCH_SIZE=64, or BATCH_SIZE=64 as the original workloads have it). An option
    is stronger than --set, --set than the environment, the environment than the case type, and that
    than what was tuned on this host.
    """
    settings = collect_settings(options, sets)
    host = topology.read_host()
    names = _names(cases, regex, settings, host)
    _refuse_contradictions(names, every=every, processes=processes)
    if prepare_only:
        _refuse_beside_prepare_only(dry_run=dry_run, as_json=as_json)
    if not names:
        _main_job(
            settings,
            host,
            out,
            dry_run=dry_run,
            prepare_only=prepare_only,
            tuned=tuned,
            every=every,
            as_json=as_json,
            quiet=quiet,
            full=full,
        )
        return
    planned = plan_named(names, settings, host, tuned=tuned)
    if dry_run:
        from r50bench.cli.dry_run import show_plan

        show_plan(planned, (), host, as_json=as_json)
    elif prepare_only:
        from r50bench.cli.prepare import prepare_named

        prepare_named(planned, host, out, quiet=quiet)
    else:
        _execute(planned, host, out, processes=processes, as_json=as_json, quiet=quiet, full=full)


def _main_job(
    settings: Mapping[str, Setting],
    host: Host,
    out: Path,
    *,
    dry_run: bool,
    prepare_only: bool,
    tuned: bool,
    every: bool,
    as_json: bool,
    quiet: bool,
    full: bool,
) -> None:
    if dry_run:
        from r50bench.cli.dry_run import show_main_job

        show_main_job(settings, host, tuned=tuned, every=every, as_json=as_json)
    elif prepare_only:
        from r50bench.cli.prepare import prepare_main_job

        prepare_main_job(settings, host, out, tuned=tuned, every=every, quiet=quiet)
    else:
        from r50bench.cli.main_job import do_main_job

        do_main_job(
            settings,
            host,
            out,
            tuned=tuned,
            every=every,
            as_json=as_json,
            quiet=quiet,
            full=full,
        )


def _refuse_contradictions(names: Sequence[CaseName], *, every: bool, processes: int) -> None:
    if every and names:
        raise UsageError("--all is about the main job, and cases are named", hint="leave it out")
    if processes > 1 and not names:
        raise UsageError(
            "--processes repeats cases that are named, and none is",
            hint="r50bench run 'inference_*' --processes 5",
        )


def _refuse_beside_prepare_only(*, dry_run: bool, as_json: bool) -> None:
    if dry_run:
        raise UsageError("--dry-run prepares nothing", hint="leave out it or --prepare-only")
    if as_json:
        raise UsageError(
            "--prepare-only leaves no records to print as JSON",
            hint="leave --json out; 'r50bench cache list --json' prints what is kept",
        )


def _names(
    words: Sequence[str], regex: str | None, settings: Mapping[str, Setting], host: Host
) -> tuple[CaseName, ...]:
    """Returns the cases that are meant, each once; none for the main job."""
    if len(words) == 1 and regex is None and words[0].replace("_", "").isalnum():
        return (CaseName.parse(words[0]),)
    from r50bench.cli.selection import select

    return select(words, regex, settings, host)


def _execute(
    planned: Sequence[Planned],
    host: Host,
    out: Path,
    *,
    processes: int,
    as_json: bool,
    quiet: bool,
    full: bool,
) -> None:
    """Runs the cases in order and prints records, KPI blocks or the overview on stdout.

    One case, or ``full``, gives KPI blocks; several give the overview; several processes of each
    give what these came to.
    """
    results: list[CaseResult] = []
    alone = len(planned) == processes == 1
    try:
        with TerminalProgress(quiet=quiet) as progress:
            bench = bench_here(host, out, progress)
            announce_host(bench)
            announce_cases(planned, progress)
            measured = _results(planned, bench, processes)
            if not alone:
                from r50bench.measure.remembering import remembering

                measured = remembering(measured, progress)
            for result in measured:
                results.append(result)
    finally:
        try:
            # What is finished is shown, also where the rest was interrupted.
            if as_json:
                click.echo(_as_json(results))
            elif results:
                text = _as_text(results, processes=processes, blocks=full or alone)
                click.echo(text, nl=False)
            where = _leave_page(results, progress)
            if not as_json:
                click.echo(where, nl=False)
        finally:
            _remember(results if alone else (), quiet=quiet)
    raise_failures(results)


def _remember(results: Iterable[CaseResult], *, quiet: bool) -> None:
    """Adds what one case came to, which is shown before the history is opened, and waited for.

    It is added, too, where nobody takes what is shown: a pipe that is closed, a full disk.
    """
    for outcome in (result.outcome for result in results):
        if outcome is not None:
            from r50bench.measure.remembering import remember

            remember(outcome, TerminalProgress(quiet=quiet))


def _results(planned: Sequence[Planned], bench: Bench, processes: int) -> Iterator[CaseResult]:
    if processes == 1:
        return run_cases(planned, bench)
    from r50bench.measure.processes import bench_for_processes, run_processes

    return run_processes(planned, bench_for_processes(bench, planned, processes), processes)


def _as_json(results: Iterable[CaseResult]) -> str:
    from r50bench.cli.shell import result_as_data

    return json.dumps([result_as_data(result) for result in results], indent=2)


def _as_text(results: Sequence[CaseResult], *, processes: int, blocks: bool) -> str:
    """Returns what came out; empty without any record."""
    outcomes = [result.outcome for result in results if result.outcome is not None]
    if not outcomes:
        return ""
    if blocks:
        return blocks_text([outcome.block for outcome in outcomes])
    from r50bench.cli.shell import figures_by_case, terminal_width

    if processes > 1:
        from r50bench.report.processes import processes_text

        return processes_text(figures_by_case(results), terminal_width())
    from r50bench.main_job.text import main_job_text

    return main_job_text(results, (), terminal_width())


def _leave_page(results: Sequence[CaseResult], progress: Progress) -> str:
    """Leaves the page of one record in its folder, and that of several beside their folders.

    Returns where page and records lie; empty without any record.
    """
    outcomes = [result.outcome for result in results if result.outcome is not None]
    if not outcomes:
        return ""
    from r50bench.cli.pages import PAGE, leave_page, shown_of  # the figures do not wait for it

    first = outcomes[0].folder
    alone = len(outcomes) == 1
    path = first / PAGE if alone else first.with_name(f"{first.name}.html")
    page = leave_page(shown_of(outcomes), path, progress)
    records = first if alone else first.parent
    return f"{page}# records: {records}   look again: {look_again(records)}\n"
