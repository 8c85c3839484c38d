"""``r50bench run --prepare-only``: all that the cases need is made, and nothing measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from r50bench.errors import R50BenchError
from r50bench.host.topology import Host
from r50bench.main_job.plan import plan_main_job
from r50bench.main_job.prepare import prepare_models, with_pictures_there_are
from r50bench.measure.bench import Bench, announce_cases, announce_host, bench_here
from r50bench.parameters import Setting
from r50bench.planning.planned import Planned, effective_cases
from r50bench.report.terminal import TerminalProgress
from r50bench.wording import counted

__all__ = ["prepare_main_job", "prepare_named"]


def prepare_main_job(
    settings: Mapping[str, Setting], host: Host, out: Path, *, tuned: bool, every: bool, quiet: bool
) -> None:
    """Prepares the main job, of which precision is best by name and not yet by measurement."""
    with TerminalProgress(quiet=quiet) as progress:
        bench = bench_here(host, out, progress)
        announce_host(bench)
        job = plan_main_job(host, settings, effective_cases(host, tuned=tuned), every=every)
        announce_cases(job.cases, progress, job.notices)
        _prepare(with_pictures_there_are(job, bench).cases, bench)


def prepare_named(planned: Sequence[Planned], host: Host, out: Path, *, quiet: bool) -> None:
    with TerminalProgress(quiet=quiet) as progress:
        bench = bench_here(host, out, progress)
        announce_host(bench)
        announce_cases(planned, progress)
        _prepare(planned, bench)


def _prepare(planned: Sequence[Planned], bench: Bench) -> None:
    """Prepares all that can be, and says what is kept.

    Raises:
        R50BenchError: some cannot; of the first one's kind.
    """
    failed = prepare_models(planned, bench)
    ready = counted(len(planned) - len(failed), "case")
    click.echo(f"# ready: {ready}, in {bench.assets.store.root}   look: r50bench cache list")
    if failed:
        first: R50BenchError = next(iter(failed.values()))
        reasons = "; ".join(f"{case.name}: {error.message}" for case, error in failed.items())
        raise type(first)(f"{len(failed)} of {len(planned)} cannot run: {reasons}", hint=first.hint)
