"""The host and its present conditions as the record keeps them: to repeat a run, or to doubt it."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from r50bench import __version__
from r50bench.host.cpuinfo import CpuInfo, read_cpuinfo
from r50bench.host.isa import detect_platform
from r50bench.host.kernel_files import (
    read_cgroup_limits,
    read_int,
    read_text,
    read_words,
)
from r50bench.host.topology import Host, read_memory_bytes

if TYPE_CHECKING:
    from r50bench.host.topology import Gpu

__all__ = [
    "JSON",
    "PASSING",
    "Conditions",
    "engine_versions",
    "fingerprint",
    "host_identity",
    "read_conditions",
    "snapshot",
    "versions",
]

_CPUS = "/sys/devices/system/cpu"


@dataclass(frozen=True)
class Conditions:
    """The settings and the load of one moment; None (or empty) is what the kernel does not show.

    ``governors`` are the different ones of the usable CPUs; frequencies are the policy's limits of
    the first of them. ``boost`` says whether clocks above the nominal one are allowed.
    ``load_average`` is that of the last minute; ``running`` counts the threads of others that ran
    or waited for a CPU at the moment of reading; both are the whole machine's, even in a container.
    ``steal_share`` is the part of all CPU time since boot that the hypervisor gave to others.
    """

    governors: tuple[str, ...] = ()
    frequency_driver: str | None = None
    frequency_min_khz: int | None = None
    frequency_max_khz: int | None = None
    boost: bool | None = None
    transparent_hugepages: str | None = None
    numa_balancing: bool | None = None
    load_average: float | None = None
    running: int | None = None
    steal_share: float | None = None


def read_conditions(host: Host, root: Path = Path("/")) -> Conditions:
    """Reads the present conditions from /proc and /sys below ``root``."""
    policy = f"{_CPUS}/cpu{host.cores[0].cpus[0]}/cpufreq"
    load_average, running = _load(root)
    balancing = read_int(root, "/proc/sys/kernel/numa_balancing")
    return Conditions(
        governors=_governors(host, root),
        frequency_driver=read_text(root, f"{policy}/scaling_driver"),
        frequency_min_khz=read_int(root, f"{policy}/scaling_min_freq"),
        frequency_max_khz=read_int(root, f"{policy}/scaling_max_freq"),
        boost=_boost(root),
        transparent_hugepages=_transparent_hugepages(root),
        # Bit 0 is the migration between nodes; bit 1, memory tiering, does not concern us.
        numa_balancing=None if balancing is None else bool(balancing & 1),
        load_average=load_average,
        running=running,
        steal_share=_steal_share(root),
    )


def _governors(host: Host, root: Path) -> tuple[str, ...]:
    cpus = [core.cpus[0] for core in host.cores]
    governors = {read_text(root, f"{_CPUS}/cpu{cpu}/cpufreq/scaling_governor") for cpu in cpus}
    return tuple(sorted(governor for governor in governors if governor))


def _boost(root: Path) -> bool | None:
    no_turbo = read_int(root, f"{_CPUS}/intel_pstate/no_turbo")
    if no_turbo is not None:
        return no_turbo == 0
    boost = read_int(root, f"{_CPUS}/cpufreq/boost")
    return None if boost is None else boost == 1


def _transparent_hugepages(root: Path) -> str | None:
    """Returns the choice in brackets of ``always [madvise] never``."""
    text = read_text(root, "/sys/kernel/mm/transparent_hugepage/enabled") or ""
    chosen = re.search(r"\[(\w+)\]", text)
    return chosen[1] if chosen else None


def _load(root: Path) -> tuple[float | None, int | None]:
    """Returns the load of the last minute, and how many threads besides this one are runnable."""
    words = read_words(root, "/proc/loadavg")
    try:
        return float(words[0]), max(0, int(words[3].partition("/")[0]) - 1)
    except (IndexError, ValueError):
        return None, None


def _steal_share(root: Path) -> float | None:
    # proc_stat(5): user nice system idle iowait irq softirq steal; guest time is part of user.
    words = read_words(root, "/proc/stat")
    if len(words) < 9 or words[0] != "cpu":
        return None
    if not all(word.isdecimal() for word in words[1:9]):
        return None
    ticks = [int(word) for word in words[1:9]]
    return ticks[7] / sum(ticks) if sum(ticks) else None


PASSING = ("memory_available_bytes", "load_average", "running", "steal_share")
"""Keys of what the snapshot says of one moment, which is never the same twice."""

JSON: TypeAlias = str | int | float | bool | list["JSON"] | dict[str, "JSON"] | None

_PACKAGES = ("torch", "torchao", "numpy", "pillow")
_CONTAINERS = ("kubepods", "docker", "containerd", "libpod", "lxc", "garden")


def snapshot(host: Host, root: Path = Path("/")) -> dict[str, JSON]:
    """Returns the host as flat JSON; units are in the keys, what cannot be read is left out.

    Identity: ``platform`` ``fingerprint`` ``machine``. CPU: ``arch`` ``vendor`` ``model_name``
    ``family`` ``model`` ``stepping`` ``microcode`` ``emulated_on`` ``isa`` ``caches``. Extent:
    ``sockets`` ``nodes`` ``cores`` ``cores_in_machine`` ``smt`` ``cpus`` ``topology`` (socket, node
    and CPUs of each core) ``cpu_quota`` ``memory_bytes`` ``memory_available_bytes``
    ``memory_limit_bytes``.
    System: ``kernel`` ``distribution`` ``glibc`` ``virtual_machine`` ``container`` ``versions``.
    ``gpus``: of each ``name`` ``pci`` ``capability`` ``memory_bytes`` ``driver`` ``cuda`` ``node``
    ``partitioned``. The rest is
    :class:`r50bench.host.snapshot.Conditions`, field by field. Neither the machine's name nor
    its machine-id is kept.
    """
    info = read_cpuinfo(root)
    facts: dict[str, JSON] = {
        "platform": detect_platform(host),
        "fingerprint": fingerprint(root),
        "machine": _machine(root),
        **_cpu(host, info, root),
        **_extent(host, root),
        **_system(info, root),
        "gpus": [_gpu(gpu) for gpu in host.gpus],
        **_as_json(asdict(read_conditions(host, root))),
    }
    return _known(facts)


def _known(facts: Mapping[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in facts.items() if value not in (None, [], {})}


def _cpu(host: Host, info: CpuInfo, root: Path) -> dict[str, JSON]:
    return {
        "arch": host.arch,
        "vendor": host.vendor,
        "model_name": host.model_name,
        "family": host.family,
        "model": host.model,
        "stepping": info.stepping,
        "microcode": info.microcode,
        "emulated_on": info.emulated_on or None,
        "isa": [*sorted(host.isa)],
        "caches": _caches(root, host.cores[0].cpus[0]),
    }


def _extent(host: Host, root: Path) -> dict[str, JSON]:
    smt = read_int(root, "/sys/devices/system/cpu/smt/active")
    return {
        "sockets": host.sockets,
        "nodes": len({core.node for core in host.cores}),
        "cores": len(host.cores),
        "cores_in_machine": host.cores_in_machine,
        "smt": None if smt is None else smt == 1,
        "cpus": _cpus(host),
        "topology": [
            {"socket": core.socket, "node": core.node, "cpus": [*core.cpus]} for core in host.cores
        ],
        "cpu_quota": host.cpu_quota,
        "memory_bytes": host.memory_bytes,
        "memory_available_bytes": read_memory_bytes(root, "MemAvailable"),
        "memory_limit_bytes": read_cgroup_limits(root).memory_bytes,
    }


def _cpus(host: Host) -> list[JSON]:
    return [cpu for core in host.cores for cpu in core.cpus]


def _system(info: CpuInfo, root: Path) -> dict[str, JSON]:
    flags = info.flags
    name = re.search(
        r'^PRETTY_NAME="?([^"\n]+)', read_text(root, "/etc/os-release") or "", re.MULTILINE
    )
    return {
        "kernel": read_text(root, "/proc/sys/kernel/osrelease"),
        "distribution": name[1] if name else None,
        "glibc": _glibc(),
        # x86 hypervisors set this CPUID bit; Arm has none, so there the answer is left out.
        "virtual_machine": "hypervisor" in flags if "fpu" in flags else None,
        "container": _container(root),
        "versions": {**versions()},
    }


def _gpu(gpu: Gpu) -> JSON:
    return {
        "name": gpu.name,
        "pci": gpu.pci,
        "capability": ".".join(map(str, gpu.capability)),
        "memory_bytes": gpu.memory_bytes,
        "driver": gpu.driver,
        "cuda": gpu.cuda,
        "node": gpu.node,
        "partitioned": gpu.partitioned,
    }


def fingerprint(root: Path) -> str | None:
    """Returns 16 hex digits that tell hosts apart and lead back to none."""
    machine_id = read_text(root, "/etc/machine-id")
    if not machine_id:
        return None
    return hashlib.sha256(f"r50bench host {machine_id}".encode()).hexdigest()[:16]


def _machine(root: Path) -> str | None:
    """Returns maker and product, which is the instance type on the large clouds."""
    words = [
        read_text(root, f"/sys/class/dmi/id/{field}") for field in ("sys_vendor", "product_name")
    ]
    return " ".join(word for word in words if word) or None


def _caches(root: Path, cpu: int) -> list[JSON]:
    caches: list[JSON] = []
    for index in range(8):
        folder = f"/sys/devices/system/cpu/cpu{cpu}/cache/index{index}"
        level = read_int(root, f"{folder}/level")
        if level is not None:
            fields = {name: read_text(root, f"{folder}/{name}") for name in ("type", "size")}
            caches.append({"level": level, **_as_json(fields)})
    return caches


def _container(root: Path) -> str | None:
    named = read_text(root, "/run/systemd/container")
    if named:
        return named
    for mark, name in (("/.dockerenv", "docker"), ("/run/.containerenv", "podman")):
        if (root / mark.lstrip("/")).exists():
            return name
    groups = read_text(root, "/proc/self/cgroup") or ""
    return next((name for name in _CONTAINERS if name in groups), None)


def _glibc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):  # musl knows no such name
        return None


def _as_json(fields: Mapping[str, object]) -> dict[str, JSON]:
    plain: dict[str, JSON] = {}
    for key, value in fields.items():
        if isinstance(value, tuple):
            plain[key] = [str(item) for item in value]
        elif value is None or isinstance(value, str | int | float):
            plain[key] = value
        else:
            raise TypeError(f"{key} is a {type(value).__name__}, which a record cannot hold")
    return plain


_COMPUTING = ("r50bench", "torch", "torchao")


def host_identity(host: Host, root: Path = Path("/")) -> dict[str, Any]:
    """Returns what tells hosts apart, and which of its CPUs may be used, as the snapshot has it."""
    facts: dict[str, JSON] = {
        "platform": detect_platform(host),
        "model_name": host.model_name,
        "fingerprint": fingerprint(root),
        "cpus": _cpus(host),
        "cpu_quota": host.cpu_quota,
    }
    return _known(facts)


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that matter, as far as installed."""
    from importlib import metadata  # 20 ms, and only runs need it

    found = {"python": platform.python_version(), "r50bench": __version__}
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def engine_versions() -> dict[str, str]:
    """Returns those of :func:`versions` that decide how quickly something is computed."""
    return {name: text for name, text in versions().items() if name in _COMPUTING}
