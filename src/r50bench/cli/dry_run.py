"""What ``r50bench run --dry-run`` shows: the effective cases and their CPUs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import click

from r50bench.assets.store import default_store
from r50bench.cli.plan_text import describe_plan, plan_as_data
from r50bench.host.isa import describe_host
from r50bench.host.topology import Host
from r50bench.main_job.plan import plan_main_job
from r50bench.measure.bench import AssetResolver
from r50bench.notices import Notice, Silent
from r50bench.parameters import Setting
from r50bench.planning.planned import Planned, effective_cases

__all__ = ["show_main_job", "show_plan"]


def show_main_job(
    settings: Mapping[str, Setting], host: Host, *, tuned: bool, every: bool, as_json: bool
) -> None:
    # Nothing is measured, so that best precisions are chosen by name.
    job = plan_main_job(host, settings, effective_cases(host, tuned=tuned), every=every)
    show_plan(job.cases, job.notices, host, as_json=as_json)


def show_plan(
    planned: Sequence[Planned], notices: Sequence[Notice], host: Host, *, as_json: bool
) -> None:
    """Prints the plan, or refuses it as the run itself would before it has begun."""
    assets = AssetResolver(default_store(), Silent())
    for case in planned:
        assets.check(case.case)
    if as_json:
        click.echo(json.dumps([plan_as_data(case, host) for case in planned], indent=2))
        return
    about = "\n".join([describe_host(host), *(f"! {notice}" for notice in notices)])
    click.echo("\n\n".join([about, *(describe_plan(case, host) for case in planned)]))
