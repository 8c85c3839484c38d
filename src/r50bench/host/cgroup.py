"""The limits that control groups set for this process, versions 1 and 2, and both mounted at once.

The files are described in Linux, Documentation/admin-guide/cgroup-v2.rst and
Documentation/scheduler/sched-bwc.rst (version 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from r50bench.host.kernel_files import parse_cpu_list, read_int, read_text

__all__ = ["CgroupLimits", "read_cgroup_limits"]


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


def _hierarchies(root: Path) -> list[_Hierarchy]:
    groups = {
        frozenset(names.split(",")): path
        for line in (read_text(root, "/proc/self/cgroup") or "").splitlines()
        for _, names, path in [line.split(":", 2)]
    }
    hierarchies = []
    for mount in (read_text(root, "/proc/self/mountinfo") or "").splitlines():
        # proc_pid_mountinfo(5): id parent device root mount-point options [optional…] - type …
        left, _, right = mount.partition(" - ")
        kind = right.split()
        if not kind or kind[0] not in ("cgroup", "cgroup2"):
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
    if len(limit) == 2 and limit[0] != "max":
        return int(limit[0]) / int(limit[1])
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
            text = read_text(root, f"{folder}/{name}")
            if text:
                return parse_cpu_list(text)
    return None
