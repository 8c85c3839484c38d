"""What ``--dry-run`` of a LoadGen run shows: what, for how long and why, and where."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from r50bench.cli.plan_text import describe_plan, plan_as_data
from r50bench.host.isa import describe_host
from r50bench.host.topology import Host
from r50bench.mlperf.run.extent import extent, headline
from r50bench.planning.planned import Planned

__all__ = ["show_loadgen_plan"]


def show_loadgen_plan(
    planned: Planned, host: Host, *, as_json: bool = False, answered: str = ""
) -> None:
    """Prints the plan; ``answered`` says beforehand whether anything will run at all."""
    if as_json:
        about = {
            "name": planned.name,
            "loadgen": asdict(planned.loadgen),
            "extent": asdict(extent(planned.loadgen)),
        }
        click.echo(json.dumps(plan_as_data(planned, host) | about, indent=2))
        return
    asked = [
        f"  LOADGEN_{name.upper()}  {value}"
        for name, value in asdict(planned.loadgen).items()
        if value not in (None, "", False)
    ]
    heading = [describe_host(host), *filter(None, [answered]), "", headline(planned)]
    click.echo("\n".join([*heading, *asked, "", describe_plan(planned, host)]))
