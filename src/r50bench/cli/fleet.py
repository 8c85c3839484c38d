"""``r50bench fleet``: the same on many machines, which Ray has made one cluster."""

from __future__ import annotations

import click

from r50bench.cli.main import LazyGroup

__all__ = ["fleet"]

_COMMANDS = {
    "run": ("r50bench.cli.fleet_run:run", "Runs the same on every machine, and compares them."),
    "list": ("r50bench.cli.fleet_list:list_nodes", "Lists the machines, and what hurts on each."),
    "manifest": (
        "r50bench.cli.fleet_manifest:manifest",
        "Writes Jobs of Kubernetes' that run cases.",
    ),
}
"""Where each command is, and its line in the help; its module is imported when it is run."""


@click.group("fleet", cls=LazyGroup, table=_COMMANDS)
def fleet() -> None:
    """Does the same on many machines, which Ray has made one cluster.

    \b
    pip install 'r50bench[fleet]'                        on every machine
    RAY_AUTH_MODE=token RAY_worker_niceness=0 ray start --head --num-cpus 0
    RAY_AUTH_MODE=token RAY_worker_niceness=0 ray start --address HEAD:6379
    r50bench fleet list --address auto

    docs/fleet.md says how a cluster is started, and who may use it.
    """
