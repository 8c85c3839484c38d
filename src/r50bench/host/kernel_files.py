"""What the kernel's text files in /proc and /sys say, below a root that a test can bring.

The limits of control groups are described in Linux, Documentation/admin-guide/cgroup-v2.rst and
Documentation/scheduler/sched-bwc.rst (version 1).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

__all__ = [
    "CgroupLimits",
    "counts_energy",
    "cpu_list_text",
    "cpus_listed",
    "elf_machine",
    "names_in",
    "parse_cpu_list",
    "read_cgroup_limits",
    "read_cpu_list",
    "read_int",
    "read_oom_kills",
    "read_pids_max",
    "read_text",
    "read_words",
]


_MOST_CPUS = 1 << 16  # eight times the most that Linux can be built for
_ELF_MACHINES = {62: "x86_64", 183: "aarch64"}  # System V gABI, elf.h: EM_X86_64, EM_AARCH64


def read_text(root: Path, path: str) -> str | None:
    """Returns a file's text without surrounding whitespace, or None where it cannot be read.

    ``path`` is as the kernel documents it, such as ``/proc/meminfo``; it is taken below ``root``.
    """
    try:
        return (root / path.lstrip("/")).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def read_int(root: Path, path: str) -> int | None:
    """Returns a file's only number, or None where it is absent or something else."""
    text = read_text(root, path)
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def names_in(root: Path, path: str) -> list[str]:
    """Returns the names in a folder, sorted, none where it cannot be read."""
    try:
        return sorted(os.listdir(root / path.lstrip("/")))
    except OSError:
        return []


def counts_energy(root: Path = Path("/")) -> bool:
    """Whether there are counters for :mod:`r50bench.host.energy` to read, as on few machines."""
    zones = (root / "sys/class/powercap").glob("intel-rapl:*")
    channels = (root / "sys/class/hwmon").glob("hwmon*/energy*_label")
    return any(True for _ in (*zones, *channels))


def read_words(root: Path, path: str) -> list[str]:
    """Returns a file's words, none where it cannot be read."""
    return (read_text(root, path) or "").split()


def elf_machine(path: Path) -> str | None:
    """Returns the architecture, as uname(2) calls it, that a 64-bit ELF file is for.

    None for other files, and for architectures that nothing here runs on.
    """
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except OSError:
        return None
    if len(header) < 20 or header[:6] != b"\x7fELF\x02\x01":  # 64 bits, little-endian
        return None
    return _ELF_MACHINES.get(int.from_bytes(header[18:20], "little"))


def parse_cpu_list(text: str) -> frozenset[int]:
    """Reads the kernel's list format, such as ``0-3,8,10-11``; an empty text is the empty set.

    Raises:
        ValueError: the text is no such list.
    """
    numbers: set[int] = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            if int(last or first) > _MOST_CPUS:
                raise ValueError(f"{part} is beyond any machine")
            numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)


def cpus_listed(text: str) -> frozenset[int]:
    """As :func:`parse_cpu_list`, of what a container is shown: what is no list names no CPU."""
    try:
        return parse_cpu_list(text)
    except ValueError:
        return frozenset()


def read_cpu_list(root: Path, path: str) -> frozenset[int]:
    """Returns the CPUs that a file lists; none where it cannot be read or is no list."""
    return cpus_listed(read_text(root, path) or "")


def cpu_list_text(cpus: Iterable[int]) -> str:
    """Returns the kernel's list format, such as ``0-3,8``."""
    parts: list[str] = []
    for _, run in groupby(enumerate(sorted(cpus)), lambda pair: pair[1] - pair[0]):
        numbers = [cpu for _, cpu in run]
        parts.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    return ",".join(parts)


@dataclass(frozen=True)
class CgroupLimits:
    """What the control groups allow; None where they set no limit.

    ``cpus`` are logical CPU numbers, ``cpu_quota`` is in CPUs (2.5 is 250 ms every 100 ms) and
    ``memory_bytes`` in bytes; the last two are the smallest on the way up the tree.
    """

    cpus: frozenset[int] | None
    cpu_quota: float | None
    memory_bytes: int | None


@dataclass(frozen=True)
class _Hierarchy:
    """One mounted tree: its mount point, our own group below it, its controllers ("" for v2)."""

    mount_point: str
    group: PurePosixPath
    controllers: frozenset[str]

    def way_up(self, controller: str) -> Iterator[str]:
        """Yields our group's folder and its parents' up to the mount point, if it can serve."""
        if not self.controllers & {controller, ""}:
            return
        for folder in (self.group, *self.group.parents):
            yield str(PurePosixPath(self.mount_point) / folder)


def read_cgroup_limits(root: Path) -> CgroupLimits:
    """Reads the limits of this process from /proc/self/cgroup and the trees mounted below root."""
    trees = _hierarchies(root)
    quotas = [_quota(root, folder) for tree in trees for folder in tree.way_up("cpu")]
    memory = [_memory(root, folder) for tree in trees for folder in tree.way_up("memory")]
    sets = [_first_cpuset(root, tree) for tree in trees]
    allowed = [cpus for cpus in sets if cpus is not None]
    return CgroupLimits(
        cpus=frozenset.intersection(*allowed) if allowed else None,
        cpu_quota=min((quota for quota in quotas if quota is not None), default=None),
        memory_bytes=min((size for size in memory if size is not None), default=None),
    )


def read_pids_max(root: Path) -> int | None:
    """Returns how many threads the control groups allow at most; None without a limit."""
    limits = (
        read_int(root, f"{folder}/pids.max")
        for tree in _hierarchies(root)
        for folder in tree.way_up("pids")
    )
    return min((most for most in limits if most is not None), default=None)


def read_oom_kills(root: Path) -> int | None:
    """Returns how many processes the kernel has killed for want of memory; None if it does not say.

    Those of our control group where it counts them, else the whole machine's.
    """
    for tree in _hierarchies(root):
        for folder in tree.way_up("memory"):
            for name in ("memory.events", "memory.oom_control"):
                found = _field(read_text(root, f"{folder}/{name}"), "oom_kill")
                if found is not None:
                    return found
    return _field(read_text(root, "/proc/vmstat"), "oom_kill")


def _field(text: str | None, name: str) -> int | None:
    """Returns the number in the line ``name NUMBER``."""
    for line in (text or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdecimal():
            return int(value)
    return None


def _hierarchies(root: Path) -> list[_Hierarchy]:
    groups = {
        frozenset(names.split(",")): path
        for line in (read_text(root, "/proc/self/cgroup") or "").splitlines()
        if line.count(":") >= 2
        for _, names, path in [line.split(":", 2)]
    }
    hierarchies = []
    for mount in (read_text(root, "/proc/self/mountinfo") or "").splitlines():
        # proc_pid_mountinfo(5): id parent device root mount-point options [optional…] - type …
        left, _, right = mount.partition(" - ")
        kind = right.split()
        if not kind or kind[0] not in ("cgroup", "cgroup2") or len(left.split()) < 5:
            continue
        controllers = frozenset([""] if kind[0] == "cgroup2" else kind[-1].split(","))
        for names, path in groups.items():
            # A version 1 tree is ours where the controllers we are listed under are mounted.
            if names <= controllers:
                mounted, mount_point = left.split()[3:5]
                hierarchies.append(_Hierarchy(mount_point, _below(path, mounted), names))
    return hierarchies


def _below(path: str, mounted: str) -> PurePosixPath:
    """Returns our group relative to the part of the tree that is mounted.

    A container without a cgroup namespace sees its path from the machine's root, but only its own
    part mounted; what lies outside the mounted part cannot be read.
    """
    group = PurePosixPath(path)
    if ".." in group.parts or not group.is_relative_to(mounted):
        return PurePosixPath()
    return group.relative_to(mounted)


def _quota(root: Path, folder: str) -> float | None:
    limit = (read_text(root, f"{folder}/cpu.max") or "").split()
    if len(limit) == 2 and limit[0].isdecimal() and limit[1].isdecimal() and int(limit[1]):
        return int(limit[0]) / int(limit[1]) or None
    quota = read_int(root, f"{folder}/cpu.cfs_quota_us")
    period = read_int(root, f"{folder}/cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None


def _memory(root: Path, folder: str) -> int | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        limit = read_int(root, f"{folder}/{name}")
        # Version 1 writes "no limit" as the largest multiple of the page size in 63 bits.
        if limit is not None and limit < 2**62:
            return limit
    return None


def _first_cpuset(root: Path, tree: _Hierarchy) -> frozenset[int] | None:
    """Returns the nearest group's effective CPUs, which already include the limits above it."""
    for folder in tree.way_up("cpuset"):
        for name in ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"):
            if cpus := read_cpu_list(root, f"{folder}/{name}"):
                return cpus
    return None
