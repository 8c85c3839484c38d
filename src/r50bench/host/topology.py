"""What this host has: cores, SMT siblings, NUMA nodes, sockets, and what we may use of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from r50bench.errors import Unsupported
from r50bench.host.cpuinfo import ISA_FLAGS, read_cpuinfo
from r50bench.host.kernel_files import (
    cpus_listed,
    names_in,
    read_cgroup_limits,
    read_cpu_list,
    read_int,
    read_text,
)
from r50bench.precision import needed_flags

__all__ = [
    "Core",
    "Gpu",
    "GpuState",
    "Host",
    "cores_by_node",
    "read_host",
    "read_memory_bytes",
    "usable_cores",
]

_CPUS = "/sys/devices/system/cpu"
_NODES = "/sys/devices/system/node"
_SLOW = 0.75
"""A core with less of the fastest's capacity is of another kind; preferred ones differ by less."""
_NVIDIA_DRIVER = ("proc/driver/nvidia/version", "dev/nvidiactl", "dev/dxg")


@dataclass(frozen=True)
class Core:
    """One physical core. ``cpus`` are the logical CPUs on it that we may use, lowest first."""

    cpus: tuple[int, ...]
    node: int
    socket: int


@dataclass(frozen=True)
class Gpu:
    """One GPU. ``pci`` is its bus address as sysfs writes it, ``node`` its NUMA node.

    ``uuid`` addresses it, and is kept in no record; ``capability`` is its compute capability,
    (0, 0) where it is not known, ``partitioned`` whether it is split into MIG instances.
    """

    name: str
    pci: str
    uuid: str
    capability: tuple[int, int]
    memory_bytes: int
    driver: str
    cuda: str
    node: int | None = None
    partitioned: bool = False


@dataclass(frozen=True)
class GpuState:
    """The settings and the load of a GPU at one moment; None is what the driver does not tell.

    ``slowdowns`` are reasons for which its clocks are lower than the settings allow at the moment,
    ``power_w`` is the draw of the last second, ``energy_j`` all that it drew since the driver was
    loaded. ``set_clock_mhz`` is the highest that may be reached by what was set, ``max_clock_mhz``
    by the board. ``processes`` counts those that compute on it.
    """

    clock_mhz: int | None = None
    set_clock_mhz: int | None = None
    max_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    default_power_limit_w: float | None = None
    energy_j: float | None = None
    temperature_c: int | None = None
    slowdowns: tuple[str, ...] | None = None
    persistence: bool | None = None
    ecc: bool | None = None
    processes: int | None = None


@dataclass(frozen=True)
class Host:
    """The machine as this process may use it: sysfs ∩ affinity mask ∩ cgroup.

    ``isa`` holds the kernel's own flag names that matter to us
    (:data:`r50bench.host.cpuinfo.ISA_FLAGS` and those that precisions need), ``cores`` the
    usable cores in the order (socket, node, first CPU), ``sockets`` counts the packages they are
    on, ``cpu_quota`` is the smallest CPU bandwidth limit on the way up the cgroup tree in CPUs, or
    None without one. ``l3_bytes`` is the size of the one L3 that the first usable core reaches.
    ``cores_in_machine`` counts the online physical cores whether we may use them or not.
    On Arm ``family`` and ``model`` are the MIDR implementer and part.
    ``memory_bytes`` are the machine's, ``memory_limit_bytes`` the smallest memory limit on the way
    up the cgroup tree, or None without one.
    ``memory_nodes`` are the NUMA nodes whose memory we may use; empty where the kernel has none.
    ``cores`` are of one speed: of a CPU with fast and slow ones, those that we may use beside the
    fast ones are ``slow_cores``. ``set_aside`` are the logical CPUs that isolcpus or nohz_full
    keeps from ordinary work and that this process should have to itself, but has not.
    ``gpus`` are the GPUs that we may use; where there is none ``no_gpus`` says why, as a clause.
    ``emulated_on`` names the CPU that emulates this one's instructions; empty where none does.
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
    l3_bytes: int | None
    memory_bytes: int
    memory_nodes: tuple[int, ...] = ()
    memory_limit_bytes: int | None = None
    slow_cores: tuple[Core, ...] = ()
    set_aside: tuple[int, ...] = ()

    def with_slow_cores(self, wanted: bool) -> Host:
        """Returns the host with its slow cores among the others, if they are ``wanted``."""
        if not wanted or not self.slow_cores:
            return self
        return replace(self, cores=_ordered((*self.cores, *self.slow_cores)), slow_cores=())

    gpus: tuple[Gpu, ...] = ()
    no_gpus: str = ""
    emulated_on: str = ""

    @property
    def usable_memory_bytes(self) -> int:
        """The machine's memory or the cgroup's limit, if that is less; 0 if neither is known."""
        known = [size for size in (self.memory_bytes, self.memory_limit_bytes) if size]
        return min(known, default=0)


def usable_cores(host: Host) -> tuple[Core, ...]:
    """Returns the cores that the CPU quota lets us keep busy: whole ones, at least one."""
    if host.cpu_quota is None:
        return host.cores
    return host.cores[: max(1, int(host.cpu_quota))]


def cores_by_node(host: Host) -> dict[int, tuple[Core, ...]]:
    """Returns the usable cores of every NUMA node that has some, in the order of host.cores."""
    nodes: dict[int, tuple[Core, ...]] = {}
    for core in usable_cores(host):
        nodes[core.node] = (*nodes.get(core.node, ()), core)
    return nodes


def read_host(root: Path = Path("/"), affinity: Iterable[int] | None = None) -> Host:
    """Reads the host from /proc and /sys below ``root``, in a few milliseconds.

    ``affinity`` replaces this process's own affinity mask, as sched_getaffinity(2) gives it. That
    is what the kernel goes by, so that it counts where /sys says otherwise: a container may be
    shown no /sys at all, or one whose CPUs are numbered anew (lxcfs).

    GPUs are asked for where a driver is loaded, which takes a tenth of a second more.

    Raises:
        Unsupported: neither the mask nor /sys names a CPU.
    """
    online = _online(root)
    limits = read_cgroup_limits(root)
    usable = _own_mask(root, online) if affinity is None else frozenset(affinity)
    if limits.cpus is not None and limits.cpus & usable:
        usable &= limits.cpus
    if not usable:
        raise Unsupported(
            "no CPU may be used: neither sched_getaffinity nor /sys/devices/system/cpu names one",
            hint="show the container /proc and /sys (bwrap: --proc /proc --ro-bind /sys /sys)",
        )
    machine = _siblings(root, online | usable)
    slow = _slow_cpus(root, usable)
    found = _usable_cores(root, machine, usable)
    cores = tuple(core for core in found if core.cpus[0] not in slow) or found
    cpu = read_cpuinfo(root)
    first = cores[0].cpus[0]
    gpus, no_gpus = _gpus(root)
    return Host(
        arch=cpu.arch,
        vendor=cpu.vendor,
        model_name=cpu.model_name,
        family=cpu.family,
        model=cpu.model,
        isa=cpu.flags & (ISA_FLAGS | needed_flags()),
        sockets=len({core.socket for core in cores}),
        cores=cores,
        cores_in_machine=len(machine),
        cpu_quota=limits.cpu_quota,
        l3_bytes=_l3_bytes(root, first),
        memory_bytes=read_memory_bytes(root, "MemTotal") or 0,
        memory_nodes=_memory_nodes(root),
        memory_limit_bytes=limits.memory_bytes,
        slow_cores=tuple(core for core in found if core not in cores),
        set_aside=_set_aside(root, usable, limits.cpus),
        gpus=gpus,
        no_gpus=no_gpus,
        emulated_on=cpu.emulated_on,
    )


def _gpus(root: Path) -> tuple[tuple[Gpu, ...], str]:
    if not any((root / file).exists() for file in _NVIDIA_DRIVER):
        return (), "no NVIDIA driver is loaded here"
    from r50bench.host.accelerators import read_gpus  # most hosts have none

    return read_gpus(root)


def read_memory_bytes(root: Path, field: str) -> int | None:
    """Returns a field of /proc/meminfo in bytes, or None where the kernel does not say."""
    match = re.search(
        rf"^{re.escape(field)}:\s+(\d+) kB", read_text(root, "/proc/meminfo") or "", re.M
    )
    return int(match[1]) * 1024 if match else None


def _online(root: Path) -> frozenset[int]:
    # Sandboxes with a partial /sys leave the file out.
    return read_cpu_list(root, f"{_CPUS}/online") or _numbered(root, _CPUS, "cpu")


def _own_mask(root: Path, online: frozenset[int]) -> frozenset[int]:
    """Returns the affinity mask of this process; of another root, the one that /proc there names.

    /proc, unlike the system call, also names CPUs that are not online.
    """
    if root == Path("/"):
        with suppress(OSError):
            return frozenset(os.sched_getaffinity(0))
    allowed = _status_list(root, "Cpus_allowed_list")
    if not allowed:
        return online
    return allowed & online or allowed


def _slow_cpus(root: Path, usable: frozenset[int]) -> frozenset[int]:
    """Returns those of ``usable`` that are of a slower kind than others of them; () if all are.

    Intel's hybrids have a PMU for each kind of core, named so in /sys/devices (Linux,
    Documentation/arch/x86/topology.rst, tools/perf/Documentation/intel-hybrid.txt). Elsewhere
    cpu_capacity is 1024 for the fastest (Documentation/scheduler/sched-capacity.rst).
    """
    atoms = read_cpu_list(root, "/sys/devices/cpu_atom/cpus") & usable
    if atoms:
        return atoms if usable - atoms else frozenset()
    capacities = {
        cpu: capacity
        for cpu in usable
        if (capacity := read_int(root, f"{_CPUS}/cpu{cpu}/cpu_capacity")) is not None
    }
    fastest = max(capacities.values(), default=0)
    return frozenset(cpu for cpu, of in capacities.items() if of < _SLOW * fastest)


def _set_aside(
    root: Path, usable: frozenset[int], cpuset: frozenset[int] | None
) -> tuple[int, ...]:
    named = read_cpu_list(root, f"{_CPUS}/isolated") | read_cpu_list(root, f"{_CPUS}/nohz_full")
    ours = named if cpuset is None else named & cpuset
    return () if usable <= ours else tuple(sorted(ours))


def _status_list(root: Path, field: str) -> frozenset[int] | None:
    status = read_text(root, "/proc/self/status") or ""
    match = re.search(rf"^{field}:\s*(\S+)", status, re.M)
    return cpus_listed(match[1]) if match else None


def _numbered(root: Path, folder: str, name: str) -> frozenset[int]:
    """Returns the numbers of a folder's entries called ``<name><number>``."""
    matches = (re.fullmatch(rf"{name}(\d+)", entry) for entry in names_in(root, folder))
    return frozenset(int(match[1]) for match in matches if match)


def _siblings(root: Path, online: frozenset[int]) -> list[frozenset[int]]:
    """Returns every core's online logical CPUs, reading one file a core."""
    cores: list[frozenset[int]] = []
    seen: set[int] = set()
    for cpu in sorted(online):
        if cpu not in seen:
            text = read_text(root, f"{_CPUS}/cpu{cpu}/topology/thread_siblings_list")
            core = (cpus_listed(text or "") & online) | {cpu}
            seen |= core
            cores.append(core)
    return cores


def _usable_cores(
    root: Path, machine: list[frozenset[int]], usable: frozenset[int]
) -> tuple[Core, ...]:
    node_of = {cpu: node for node, cpus in _node_cpus(root).items() for cpu in cpus}
    cores = []
    for siblings in machine:
        cpus = tuple(sorted(siblings & usable))
        if cpus:
            socket = read_int(root, f"{_CPUS}/cpu{cpus[0]}/topology/physical_package_id")
            # Kernels without this knowledge say -1 or have no file: one package, one node.
            cores.append(Core(cpus, node_of.get(cpus[0], 0), max(socket or 0, 0)))
    return _ordered(cores)


def _ordered(cores: Iterable[Core]) -> tuple[Core, ...]:
    return tuple(sorted(cores, key=lambda core: (core.socket, core.node, core.cpus)))


def _node_cpus(root: Path) -> dict[int, frozenset[int]]:
    """Returns the CPUs of every NUMA node; nodes that are only memory have none."""
    return {
        node: read_cpu_list(root, f"{_NODES}/node{node}/cpulist")
        for node in _numbered(root, _NODES, "node")
    }


def _memory_nodes(root: Path) -> tuple[int, ...]:
    """Returns the nodes that have memory and lie in our Mems_allowed."""
    with_memory = read_cpu_list(root, f"{_NODES}/has_memory")
    allowed = _status_list(root, "Mems_allowed_list")
    return tuple(sorted(with_memory if allowed is None else with_memory & allowed))


def _l3_bytes(root: Path, cpu: int) -> int | None:
    for index in sorted(_numbered(root, f"{_CPUS}/cpu{cpu}/cache", "index")):
        folder = f"{_CPUS}/cpu{cpu}/cache/index{index}"
        if read_int(root, f"{folder}/level") == 3:
            size = re.fullmatch(r"(\d+)K", read_text(root, f"{folder}/size") or "")
            return int(size[1]) * 1024 if size else None
    return None
