"""``r50bench fleet list``: the machines of a fleet, and what hurts on each."""

from __future__ import annotations

import json

import click

from r50bench.cli.fleet_options import address_option, nodes_option, opened
from r50bench.cli.options import json_option, quiet_option
from r50bench.cli.shell import terminal_width
from r50bench.errors import RunFailed
from r50bench.fleet.nodes_text import nodes_as_data, nodes_text
from r50bench.fleet.roll_call import nodes_present
from r50bench.report.terminal import TerminalProgress

__all__ = ["list_nodes"]


@click.command("list")
@address_option
@nodes_option
@json_option("what every node says of itself")
@quiet_option
def list_nodes(address: str, nodes: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Lists the machines of the cluster: platform, CPU, precisions, and what hurts the figures.

    It is what 'r50bench doctor' says on each of them. Exits with 5 where one has not answered.
    """
    with opened(address) as transport, TerminalProgress(quiet=quiet) as progress:
        present = nodes_present(transport, nodes, progress)
    if as_json:
        click.echo(json.dumps(nodes_as_data(present), indent=2))
    else:
        click.echo(nodes_text(present, terminal_width()), nl=False)
    missing = [one for one in present if one.survey is None]
    if missing:
        raise RunFailed(
            f"{len(missing)} of {len(present)} nodes did not answer; {missing[0].title}:"
            f" {missing[0].reason}"
        )
