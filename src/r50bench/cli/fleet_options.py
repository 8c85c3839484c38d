"""What the commands of ``r50bench fleet`` share: which cluster, and which nodes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from r50bench.fleet.ray_transport import RayTransport
from r50bench.fleet.transport import Transport

__all__ = ["address_option", "nodes_option", "opened"]

address_option = click.option(
    "--address",
    default="auto",
    show_default=True,
    envvar="RAY_ADDRESS",
    metavar="ADDRESS",
    help="The cluster: ray://HOST:10001, HOST:6379 from a machine of it, or auto.",
)

nodes_option = click.option(
    "--nodes",
    multiple=True,
    metavar="NODE",
    callback=lambda ctx, param, given: tuple(
        word for words in given for word in words.split(",") if word
    ),
    help="Only these: names or globs, ids, or labels such as type=c7i; several times, or by comma.",
)


@contextmanager
def opened(address: str) -> Iterator[Transport]:
    """Gives the cluster, which is left at the end with nothing running that was started for us."""
    transport = RayTransport(address)
    try:
        yield transport
    finally:
        transport.close()
