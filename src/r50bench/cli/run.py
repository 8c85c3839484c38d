"""``r50bench run``: the main job, or the cases that are named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

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

if TYPE_CHECKING:
    from r50bench.host.topology import Host
    from r50bench.measure.session import PlannedCase
    from r50bench.parameters import Setting

__all__ = ["run"]


@click.command("run", epilog="Empty values mean the default. See also 'r50bench list'.")
@click.argument("cases", nargs=-1, metavar="[CASE-OR-GLOB]...")
@click.option("-R", "regex", metavar="REGEX", help="Choose designed cases by regular expression.")
@dry_run_option("the effective cases and their CPUs")
@full_option
@json_option("the records")
@out_option("the records go")
@quiet_option
@tuned_option
@set_option("Set a parameter by its upper-case name, such as BATCH_SIZE=64.")
@parameter_options
def run(
    cases: tuple[str, ...],
    regex: str | None,
    dry_run: bool,
    full: bool,
    as_json: bool,
    out: Path,
    quiet: bool,
    tuned: bool,
    sets: tuple[str, ...],
    **options: str | bool | None,
) -> None:
    """Measures cases; without any, does the main job.

    A case is <function>_<mode>_<precision>[_<profile>], such as inference_latency_avx_int8_gated; a
    glob ('inference_throughput_*') or -R chooses among those that 'r50bench list' shows, and takes
    gated and pkm ones only if it names them. Without a case, --mode, --precision and --case-type
    name them; without these too, the main job is done: throughput, latency and accuracy of every
    precision this CPU has natively.

    Every option below is also a setting (--set BATCH_SIZE=64) and an environment variable
    (R50BENCH_BATCH_SIZE=64, or BATCH_SIZE=64 as the original workloads have it). An option
    is stronger than --set, --set than the environment, the environment than the profile, and that
    than what was tuned on this host.
    """
    from r50bench.host.topology import read_host

    settings = collect_settings(options, sets)
    host = read_host()
    planned = _plan(cases, regex, settings, host, tuned=tuned)
    if dry_run:
        _show_plan(planned, host, as_json=as_json)
        return
    from r50bench.cli.execution import execute

    execute(planned, host, out, as_json=as_json, quiet=quiet, full=full)


def _plan(
    words: Sequence[str],
    regex: str | None,
    settings: Mapping[str, Setting],
    host: Host,
    *,
    tuned: bool,
) -> list[PlannedCase]:
    """Returns the cases that are asked, or those of the main job; equal ones once."""
    from r50bench.cli.selection import select
    from r50bench.main_job.plan import plan_main_job
    from r50bench.measure.session import PlannedCase
    from r50bench.measure.tuned_defaults import effective_cases
    from r50bench.planning.placement import place

    names = select(words, regex, settings, host)
    effective_of = effective_cases(host, tuned=tuned)
    if not names:
        return list(plan_main_job(host, settings, effective_of))
    effective = {one.case: one for one in (effective_of(name, settings) for name in names)}
    return [PlannedCase(one, place(host, case)) for case, one in effective.items()]


def _show_plan(planned: Sequence[PlannedCase], host: Host, *, as_json: bool) -> None:
    from r50bench.cli.plan_text import describe_host, describe_plan, plan_as_data
    from r50bench.engines.environment import inert_settings

    plans = [
        (one.effective, one.placement, (*one.effective.notes, *inert_settings(one.case, host)))
        for one in planned
    ]
    if as_json:
        click.echo(json.dumps([plan_as_data(*plan) for plan in plans], indent=2))
        return
    click.echo("\n\n".join([describe_host(host), *(describe_plan(*plan) for plan in plans)]))
