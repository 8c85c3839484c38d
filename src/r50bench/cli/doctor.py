"""``r50bench doctor``: what about this host will hurt the figures, and what to type against it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from r50bench.cli.options import json_option
from r50bench.errors import CheckFailed
from r50bench.host import topology
from r50bench.host.doctor import examine
from r50bench.host.isa import describe_host
from r50bench.parameters import UNDERSTOOD_VARIABLES
from r50bench.wording import counted

__all__ = ["doctor"]


@click.command("doctor")
@json_option("the findings")
def doctor(as_json: bool) -> None:
    """Says what about this host will hurt the figures, each with its mend.

    Clocks, neighbours, limits, memory, libraries and variables are looked at, and nothing is
    measured. Every verb that measures says the same before it begins, and keeps it in the record.

    Exits with 3 where something hurts, with 0 where nothing does. docs/notices.md lists the codes.
    """
    host = topology.read_host()
    findings = examine(host, understood=UNDERSTOOD_VARIABLES)
    if as_json:
        found = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"host": describe_host(host), "findings": found}, indent=2))
    else:
        click.echo(describe_host(host))
        for finding in findings:
            click.echo(f"! {finding}")
        if not findings:
            click.echo("nothing here is known to hurt the figures")
    if findings:
        codes = ", ".join(finding.code for finding in findings)
        raise CheckFailed(
            f"{counted(len(findings), 'finding')}: {codes}",
            hint="each comes with its mend; figures hold for the machine as it is",
        )
