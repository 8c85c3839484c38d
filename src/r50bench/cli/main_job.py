"""The main job on the command line: what ``r50bench run`` does where no case is named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import click

from r50bench.case import Case
from r50bench.cli.pages import PAGE, leave_page, shown_of
from r50bench.cli.shell import result_as_data, terminal_width
from r50bench.host.topology import Host
from r50bench.main_job.plan import MainJob, plan_main_job
from r50bench.main_job.run import run_main_job
from r50bench.main_job.text import gains, main_job_text, next_commands, summary_sentence
from r50bench.measure.bench import announce_cases, announce_host, bench_here
from r50bench.measure.remembering import remembering
from r50bench.measure.session import CaseResult, raise_failures
from r50bench.notices import Progress
from r50bench.parameters import Setting
from r50bench.planning.planned import Planned, effective_cases
from r50bench.report.kpi_formats import format_kpis
from r50bench.report.page import words
from r50bench.report.terminal import TerminalProgress
from r50bench.results.record import Limit, new_record_id

__all__ = ["do_main_job"]


def do_main_job(
    settings: Mapping[str, Setting],
    host: Host,
    out: Path,
    *,
    tuned: bool,
    every: bool,
    as_json: bool,
    quiet: bool,
    full: bool,
) -> None:
    """Runs the main job in a folder of its own below ``out`` and prints its table on stdout.

    Raises:
        R50BenchError: it could not begin, or a case failed; of the first one's kind, after all the
            others have run.
    """
    folder = out / new_record_id("main_job", datetime.now(timezone.utc))
    results: list[CaseResult] = []
    job: MainJob | None = None
    try:
        with TerminalProgress(quiet=quiet) as progress:
            bench = bench_here(host, folder, progress)
            announce_host(bench)

            def peak_of(planned: Planned) -> float | None:
                limit = bench.assets.limit_if_known(planned.case, host)
                return limit.gop_per_s if isinstance(limit, Limit) else None

            effective_of = effective_cases(host, tuned=tuned)
            job = plan_main_job(host, settings, effective_of, peak_of, every=every)
            announce_cases(job.cases, progress, job.notices)
            for result in remembering(run_main_job(job, bench), progress):
                results.append(result)
    finally:
        # What is finished is shown before a page is drawn, also where the rest was interrupted.
        if as_json:
            click.echo(json.dumps(list(map(result_as_data, results)), indent=2))
        elif job is not None and full:
            click.echo(_blocks(results), nl=False)
        elif job is not None:
            click.echo(_answer(job, results), nl=False)
        page = _leave_page(results, folder, progress)
        if any(one.outcome is not None for one in results) and not (as_json or full):
            lines = "".join(f"{line}\n" for line in next_commands(results, str(folder)))
            click.echo(page + lines, nl=False)
    raise_failures(results)


def _leave_page(results: Sequence[CaseResult], folder: Path, progress: Progress) -> str:
    outcomes = [one.outcome for one in results if one.outcome is not None]
    sentence = summary_sentence(gains((one.record, one.samples) for one in outcomes))
    beside = [words("Beside PyTorch", [sentence])] if sentence else []
    return leave_page(
        shown_of(outcomes), folder / PAGE, progress, title="r50bench main job", first=beside
    )


def _answer(job: MainJob, results: Sequence[CaseResult]) -> str:
    return main_job_text(results, _unfinished(job, results), terminal_width(), job.notices)


def _unfinished(job: MainJob, results: Sequence[CaseResult]) -> list[Case]:
    # What was planned may have got other values since: results come in the order of the plan.
    return [planned.case for planned in job.cases[len(results) :]]


def _blocks(results: Sequence[CaseResult]) -> str:
    outcomes = [one.outcome for one in results if one.outcome is not None]
    return format_kpis([one.block for one in outcomes]) if outcomes else ""
