"""``r50bench doctor``: what about this host will hurt the figures, and what to type against it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from r50bench.cli.options import json_option
from r50bench.engines.registry import ENGINES
from r50bench.errors import CheckFailed
from r50bench.host import topology
from r50bench.host.doctor import examine, tile_data_granted
from r50bench.host.isa import describe_host, native_precisions
from r50bench.host.memory_modules import examine_modules
from r50bench.host.requirements import Requirement, requirements
from r50bench.host.surroundings import cache_folder
from r50bench.host.topology import Host
from r50bench.notices import Notice
from r50bench.parameters import UNDERSTOOD_VARIABLES
from r50bench.report.table import named_lines
from r50bench.wording import counted

__all__ = ["doctor"]


@click.command("doctor")
@json_option("the findings")
def doctor(as_json: bool) -> None:
    """Says what about this host will hurt the figures, each with its mend.

    Clocks, neighbours, limits, memory, libraries, variables and GPUs are looked at, and nothing is
    measured. Every verb that measures says the same before it begins, and keeps it in the record,
    but for the memory modules, of which the firmware tells root alone.

    Below that stands what full runs ask of a host, and what this one has of it.

    Exits with 3 where something hurts, with 0 where nothing does. docs/notices.md lists the codes.
    """
    host = topology.read_host()
    findings = examine(host, understood=UNDERSTOOD_VARIABLES)
    findings += tuple(examine_modules())
    if host.gpus:
        findings += _on_gpus(host)
    asked = requirements(host, cache_folder().path, tiles_granted=tile_data_granted())
    if as_json:
        found = {
            "host": describe_host(host),
            "findings": [asdict(finding) for finding in findings],
            "requirements": [asdict(one) for one in asked],
        }
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(describe_host(host))
        for finding in findings:
            click.echo(f"! {finding}")
        if not findings:
            click.echo("nothing here is known to hurt the figures")
        click.echo("\nwhat full runs ask of a host:")
        for line in named_lines((one.what, _told(one)) for one in asked):
            click.echo(f"  {line}")
    if findings:
        codes = ", ".join(finding.code for finding in findings)
        raise CheckFailed(
            f"{counted(len(findings), 'finding')}: {codes}",
            hint="each comes with its mend; figures hold for the machine as it is",
        )


def _told(one: Requirement) -> str:
    return f"{one.here} ({one.asked})" + (f". Mend: {one.mend}" if one.mend else "")


def _on_gpus(host: Host) -> tuple[Notice, ...]:
    """Returns what hurts on the GPUs, and whether the default engine can use them at all."""
    from r50bench.host.accelerators import read_states
    from r50bench.host.gpu_doctor import examine_gpus

    found = examine_gpus(host.gpus, read_states(host.gpus))
    engine = next(iter(ENGINES.values()))
    precision = next(iter(native_precisions(host, "cuda")), None)
    missing = engine.lacking(host, precision) if precision else ""
    if not missing:
        return found
    text = f"engine {engine.name} cannot use the {host.gpus[0].name}: {missing}"
    mend = "install a CUDA build of it, where the GPU is to be measured"
    return (*found, Notice("gpu-unused", text, mend))
