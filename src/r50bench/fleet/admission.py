"""Whether a cluster may be used: it answers, it wants a token, and ours is the right one.

Whoever reaches a cluster's ports runs programs on its nodes. So a cluster that others can reach is
used only if it turns away who has no token, which is tried and not believed. A program of its own
tries it: Ray ends the whole process where a token is missing.
"""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal

from r50bench.errors import RunFailed, UsageError

__all__ = ["Knocked", "admit", "is_loopback", "knock", "refuse_open", "without_token"]

_PATIENCE_S = 30.0

_PROGRAM = """
import sys

def gcs(address):
    from ray._raylet import GcsClient
    from ray.exceptions import AuthenticationError
    try:
        GcsClient(address=address).internal_kv_keys(b"", b"r50bench", timeout=10)
    except AuthenticationError:
        return "turned away"
    return "answers"

def client(address):
    import grpc
    from ray._private.grpc_utils import init_grpc_channel
    from ray.core.generated import ray_client_pb2, ray_client_pb2_grpc
    stub = ray_client_pb2_grpc.RayletDriverStub(init_grpc_channel(address, []))
    asked = ray_client_pb2.ClusterInfoRequest(type=ray_client_pb2.ClusterInfoType.PING)
    try:
        stub.ClusterInfo(asked, timeout=10)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            return "turned away"
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise
    return "answers"

def resolved(address):
    if address.startswith("ray://"):
        return address
    from ray._private import services
    return services.canonicalize_bootstrap_address_or_die(address)

address = sys.argv[1]
try:
    address = resolved(address)
    said = client(address[6:]) if address.startswith("ray://") else gcs(address)
except Exception as error:
    said = "no token" if type(error).__name__ == "AuthenticationError" else "silent"
print(address, said, sep="\\n")
"""


Said = Literal["answers", "turned away", "silent", "no token"]


@dataclass(frozen=True)
class Knocked:
    """What came of an attempt to be let in at ``address``, which says no ``auto`` any more."""

    address: str
    said: Said


_ANSWERS: tuple[Said, ...] = ("answers", "turned away", "no token")


def knock(address: str, environ: Mapping[str, str] = os.environ) -> Knocked:
    """Tries whether a cluster lets in who comes with the token that ``environ`` has, if any."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, address],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Knocked(address, "silent")
    if done.returncode != 0:
        return Knocked(address, "no token")  # Ray has ended the program
    found, said = done.stdout.splitlines()[-2:]
    return Knocked(found, next((answer for answer in _ANSWERS if answer == said), "silent"))


def without_token(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of a stranger, who has no token."""
    kept = {name: text for name, text in environ.items() if not name.startswith("RAY_AUTH_")}
    return kept | {"RAY_AUTH_MODE": "disabled"}


def admit(address: str, environ: Mapping[str, str] = os.environ) -> tuple[str, bool]:
    """Returns where the cluster is, and whether it turns away who has no token.

    Raises:
        RunFailed: nobody answers at ``address``.
        UsageError: it wants a token, and what we have is none of its own.
    """
    with ThreadPoolExecutor(2) as both:  # a second each, which a user waits for
        stranger, we = both.map(partial(knock, address), (without_token(environ), environ))
    if stranger.said == "answers":
        return stranger.address, False
    if "silent" in (stranger.said, we.said):
        raise RunFailed(
            f"no cluster of Ray's answers at {address}",
            hint="'ray start --head' says where it listens: HOST:6379 for machines of the cluster,"
            " ray://HOST:10001 for others",
        )
    if we.said != "answers":
        none = we.said == "no token" or environ.get("RAY_AUTH_MODE") != "token"
        lacks = "none is set here" if none else "the one set here is not its own"
        raise UsageError(
            f"the cluster at {we.address} wants a token, and {lacks}",
            hint="RAY_AUTH_MODE=token, and the cluster's token in ~/.ray/auth_token or in the file"
            " that RAY_AUTH_TOKEN_PATH names",
        )
    return we.address, True


def refuse_open(address: str, nodes: Iterable[str]) -> None:
    """Refuses a cluster that lets anybody in, unless none of its ``nodes`` can be reached.

    Raises:
        UsageError: an address is not one of the machine's own loop.
    """
    reached = next((node for node in (*nodes, address) if not is_loopback(node)), None)
    if reached is not None:
        raise UsageError(
            f"the cluster at {address} wants no token: who reaches {reached} can run anything on"
            " its nodes",
            hint="start it anew, every node with RAY_AUTH_MODE=token and the same token:"
            " docs/fleet.md says how",
        )


def is_loopback(address: str) -> bool:
    """Whether ``HOST``, ``HOST:PORT`` or ``ray://HOST:PORT`` is this machine's own loop."""
    host = address.removeprefix("ray://")
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False
