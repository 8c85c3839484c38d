"""``r50bench list``: the designed cases of a platform with their effective parameters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

import click

from r50bench.case import Case, CaseName
from r50bench.cli.selection import matching
from r50bench.host import topology
from r50bench.host.isa import ARM_MACHINES, describe_host, detect_platform
from r50bench.planning.designed_cases import designed_cases
from r50bench.planning.nominal import nominal_host
from r50bench.planning.planned import effective_cases
from r50bench.report.kpi_block import tuned_values
from r50bench.report.table import Column, Table

__all__ = ["list_cases"]

_COLUMNS = ("case", "batch", "instances", "cores each", Column("steps", "right"), "warm-up", "data")


@click.command("list")
@click.argument("globs", nargs=-1, metavar="[GLOB]...")
@click.option("--platform", metavar="NAME", help="Another platform than this host's.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_cases(globs: tuple[str, ...], platform: str | None, as_json: bool) -> None:
    """Lists the cases designed for this host, with their effective parameters.

    A glob takes gated and pkm cases only if it names them, as for 'r50bench run'.

    With --platform ICX, SPR, EMR, GNR, GENOA, TURIN, ARMv8 or ARMv9 it lists those of a typical
    machine of that platform.
    """
    host = nominal_host(platform) if platform else topology.read_host()
    designed = designed_cases(host)
    names: Sequence[CaseName] = designed
    if globs:
        chosen = [name for glob in globs for name in matching(glob, designed, host)]
        names = [name for name in designed if name in chosen]
    # What was tuned is for this very host.
    effective_of = effective_cases(host, tuned=platform is None)
    effective = [effective_of(name, {}) for name in names]
    here = detect_platform(host)
    if as_json:
        listed = [
            {
                "name": one.case.name,
                **asdict(one.case),
                "request": {field: asdict(said) for field, said in one.request.items()},
            }
            for one in effective
        ]
        data = {"platform": here, "nominal": platform is not None, "cases": listed}
        click.echo(json.dumps(data, indent=2))
        return
    click.echo(("nominal " if platform else "") + describe_host(host))
    click.echo(_case_table([one.case for one in effective]).text())
    for one in effective:
        if words := tuned_values(one.request):
            click.echo(f"{one.case.name}: {words}")
    for notice in dict.fromkeys(notice for one in effective for notice in one.notices):
        click.echo(f"! {notice}")
    if host.arch == "aarch64":
        click.echo("\n" + _machine_table().text())


def _case_table(cases: Sequence[Case]) -> Table:
    rows: list[tuple[str, ...]] = []
    for _, of_mode in groupby(cases, lambda case: case.mode):
        rows += [(), *map(_row, of_mode)]
    return Table.of(_COLUMNS, rows)


def _row(case: Case) -> tuple[str, ...]:
    return (
        case.name,
        str(case.batch_size),
        str(case.instances),
        str(case.cores_per_instance),
        "-" if case.steps is None else str(case.steps),
        str(case.warmup_steps),
        case.data_type,
    )


def _machine_table() -> Table:
    rows = [(machine.cloud, machine.machine, machine.platform) for machine in ARM_MACHINES]
    return Table.of(("cloud", "machine type", "platform"), rows)
