"""What a node says of itself: its host, what hurts there, and which r50bench would measure.

A program of its own (``-m r50bench.fleet.survey FILE``), started as a run is: what holds for it,
such as its priority, will hold for what is measured.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from r50bench import __version__
from r50bench.errors import RunFailed
from r50bench.host import topology
from r50bench.host.doctor import examine
from r50bench.host.isa import describe_host, native_precisions
from r50bench.host.kernel_files import read_text
from r50bench.host.snapshot import snapshot
from r50bench.notices import Notice
from r50bench.results.files import to_json, write_atomically

__all__ = ["GpuFacts", "HostFacts", "Survey", "boot_of", "main", "survey_here", "survey_of"]


class GpuFacts(msgspec.Struct, frozen=True):
    """One GPU."""

    name: str = ""


class HostFacts(msgspec.Struct, frozen=True):
    """What :func:`r50bench.host.snapshot.snapshot` says of a host that tells it from others."""

    platform: str = ""
    arch: str = ""
    machine: str = ""
    model_name: str = ""
    isa: tuple[str, ...] = ()
    sockets: int = 0
    cores: int = 0
    memory_bytes: int = 0
    kernel: str = ""
    distribution: str = ""
    fingerprint: str | None = None
    gpus: tuple[GpuFacts, ...] = ()


class Survey(msgspec.Struct, frozen=True):
    """One host, and what surrounds it.

    ``description`` is the line that runs begin with. ``boot`` tells running systems apart and leads
    back to none: nodes with the same share one. ``precisions`` are those that it has instructions
    for.
    """

    version: str
    description: str
    boot: str
    host: HostFacts
    precisions: tuple[str, ...]
    findings: tuple[Notice, ...] = ()


def survey_here(root: Path = Path("/")) -> Survey:
    """Returns the survey of this process's host."""
    host = topology.read_host()
    native = (*native_precisions(host), *(native_precisions(host, "cuda") if host.gpus else ()))
    return Survey(
        __version__,
        describe_host(host),
        boot_of(root),
        msgspec.convert(snapshot(host, root), HostFacts),
        native,
        examine(host, root),
    )


def survey_of(data: dict[str, Any]) -> Survey:
    """Returns the survey that a node has sent.

    Raises:
        RunFailed: it is none.
    """
    try:
        return msgspec.convert(data, Survey)
    except msgspec.ValidationError as error:
        raise RunFailed(f"a node told of itself what cannot be read: {error}") from error


def boot_of(root: Path) -> str:
    """Returns what tells this running system from others, empty where the kernel does not."""
    identity = read_text(root, "/proc/sys/kernel/random/boot_id")
    if not identity:
        return ""
    return hashlib.sha256(f"r50bench boot {identity}".encode()).hexdigest()[:16]


def main() -> None:
    """Writes the survey of this host, as JSON, to the file that is named."""
    write_atomically(Path(os.fsdecode(sys.argv[1])), to_json(survey_here()))


if __name__ == "__main__":
    main()
