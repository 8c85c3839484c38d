"""``r50bench check``: run cases, compare them with what was, and say so to a CI."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from r50bench.cli.comparing import as_printed, leave_comparison, threshold_option
from r50bench.cli.options import (
    collect_settings,
    json_option,
    out_option,
    parameter_options,
    quiet_option,
    seconds_of,
    set_option,
    tuned_option,
    undisturbed_option,
)
from r50bench.cli.selection import select
from r50bench.cli.sides import side_named
from r50bench.comparison.between import compare_by_history
from r50bench.comparison.check import (
    check_junit,
    check_markdown,
    refuse_unknown_cases,
    side_of_results,
)
from r50bench.comparison.compare import Comparison, raise_verdict
from r50bench.comparison.naming import SIDES_HELP
from r50bench.comparison.side import Side
from r50bench.errors import Interrupted, R50BenchError, RunFailed, UsageError, system_refusal
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.measure.bench import announce_cases, announce_host, bench_here
from r50bench.measure.processes import bench_for_processes, run_processes
from r50bench.measure.remembering import remembering
from r50bench.measure.session import CaseResult, raise_failures
from r50bench.planning.planned import Planned, plan_named
from r50bench.report.terminal import TerminalProgress
from r50bench.results.files import write_text_atomically
from r50bench.results.judged import Judged

__all__ = ["check"]

_PROCESSES = 5
_MARKDOWN, _JUNIT, _PAGE = "check.md", "check.xml", "check.html"


@click.command("check", epilog=f"BASE is {SIDES_HELP}.")
@click.argument("cases", nargs=-1, required=True, metavar="CASE-OR-GLOB...")
@click.option("--against", required=True, metavar="BASE", help="What to compare with.")
@threshold_option
@undisturbed_option
@click.option(
    "--processes",
    type=click.IntRange(1, 1000),
    default=_PROCESSES,
    show_default=True,
    metavar="N",
    help="Run every case N times, by fresh processes.",
)
@click.option(
    "--budget",
    metavar="TIME",
    default="5min",
    show_default=True,
    help="Begin no further processes that would end later; all cases run once in any case.",
)
@json_option("the comparison")
@out_option("the records, check.md, check.xml and check.html go")
@quiet_option
@tuned_option
@set_option("Set a parameter by its upper-case name, such as BATCH_SIZE=64.")
@parameter_options
def check(
    cases: tuple[str, ...],
    against: str,
    threshold: float,
    judged: Judged,
    processes: int,
    budget: str,
    as_json: bool,
    out: Path,
    quiet: bool,
    tuned: bool,
    sets: tuple[str, ...],
    **options: str | bool | None,
) -> None:
    """Runs cases and exits with 3 if one has become slower than BASE, with 4 if nobody can tell.

    \b
    r50bench run inference_throughput_int8 --processes 5 --out before
    r50bench baseline save main before
    r50bench check inference_throughput_int8 --against main --threshold 3%

    Leaves check.md, for a pull request, and check.xml, JUnit's, below --out, whatever comes out;
    and check.html, with pictures, where anything was compared.
    """
    results: list[CaseResult] = []
    with _never_those_of_before(out, results):
        budget_s = seconds_of(budget)
        base = side_named(against)
        settings = collect_settings(options, sets)
        host = topology.read_host()
        planned = plan_named(select(cases, None, settings, host), settings, host, tuned=tuned)
        refuse_unknown_cases(planned, base)
        results += _run(planned, host, out, processes, budget_s, quiet=quiet)
        new = side_of_results(results)
        comparison = None if new is None else _compared(base, new, threshold, judged)
    _leave(out, comparison, results)
    if new is not None and comparison is not None:
        click.echo(as_printed(comparison, "json" if as_json else "text"), nl=False)
        page = _leave_page(comparison, base, new, out / _PAGE)
        click.echo("" if as_json else page, nl=False)
    raise_failures(results)
    if comparison is not None:
        raise_verdict(comparison)


def _run(
    planned: Sequence[Planned],
    host: Host,
    out: Path,
    processes: int,
    budget_s: float,
    *,
    quiet: bool,
) -> list[CaseResult]:
    with TerminalProgress(quiet=quiet) as progress:
        bench = bench_for_processes(bench_here(host, out, progress), planned, processes)
        announce_host(bench)
        announce_cases(planned, progress)
        found = run_processes(planned, bench, processes, budget_s=budget_s)
        return list(remembering(found, progress))


def _compared(base: Side, new: Side, threshold: float, judged: Judged) -> Comparison:
    """Returns the comparison.

    Raises:
        UsageError: what was run is other than all that the base has, so that nothing was checked.
    """
    comparison = compare_by_history(base, new, threshold, judged)
    if comparison.only_new:
        raise UsageError(
            f"{base.title} has no run to compare with {', '.join(comparison.only_new)}",
            hint="run the case with the settings of the base, or save a new baseline",
        )
    return comparison


def _leave_page(comparison: Comparison, base: Side, new: Side, path: Path) -> str:
    """Leaves a page of the cases that were checked, without what else the base has."""
    names = {run.record.name for run in new.runs}
    sides = (run for run in base.runs if run.record.name in names), new.runs
    with TerminalProgress() as progress:
        return leave_comparison(comparison, sides, path, progress, title="r50bench check")


@contextlib.contextmanager
def _never_those_of_before(out: Path, results: Sequence[CaseResult]) -> Iterator[None]:
    """Removes what an earlier check left in ``out``; leaves what ends this one, with ``results``.

    A CI reads the files however the check ends, and must not take those of the last one for it.

    Raises:
        RunFailed: files of an earlier check are there and cannot be removed.
    """
    try:
        _remove_old(out)
        yield
    except (R50BenchError, KeyboardInterrupt) as error:
        told = error if isinstance(error, R50BenchError) else Interrupted("interrupted")
        # Where they cannot be written there is still what ended the check to be said.
        with contextlib.suppress(OSError, RunFailed):
            out.mkdir(parents=True, exist_ok=True)
            _leave(out, None, results, told)
        raise


def _remove_old(out: Path) -> None:
    for path in (out / name for name in (_MARKDOWN, _JUNIT, _PAGE)):
        try:
            if path.is_file():
                path.resolve().unlink()  # a link stays, and is written through
        except OSError as error:
            raise system_refusal(f"remove {path}, which an earlier check left", error) from error


def _leave(
    out: Path,
    comparison: Comparison | None,
    results: Sequence[CaseResult],
    ended_by: R50BenchError | None = None,
) -> None:
    write_text_atomically(out / _MARKDOWN, check_markdown(comparison, results, ended_by))
    write_text_atomically(out / _JUNIT, check_junit(comparison, results, ended_by))
