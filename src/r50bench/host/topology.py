"""What this host has: cores, SMT siblings, NUMA nodes, sockets, and what we may use of it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Core", "Host"]


@dataclass(frozen=True)
class Core:
    """One physical core. ``cpus`` are the logical CPUs on it that we may use, lowest first."""

    cpus: tuple[int, ...]
    node: int
    socket: int


@dataclass(frozen=True)
class Host:
    """The machine as this process may use it: sysfs ∩ affinity mask ∩ cgroup.

    ``isa`` holds the kernel's own flag names that matter to us (see :mod:`r50bench.host.isa`),
    ``cores`` the usable cores in the order (socket, node, first CPU), ``cpu_quota`` the smallest
    CPU bandwidth limit on the way up the cgroup tree in CPUs, or None without one. Sizes are bytes.
    ``cores_in_machine`` counts the online physical cores whether we may use them or not.
    """

    arch: str
    vendor: str
    model_name: str
    family: int
    model: int
    isa: frozenset[str]
    sockets: int
    cores: tuple[Core, ...]
    cores_in_machine: int
    cpu_quota: float | None
    l2_bytes: int | None
    l3_bytes: int | None
    memory_bytes: int
