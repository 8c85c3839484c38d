from __future__ import annotations

import pytest

from r50bench.host.kernel_files import read_cgroup_limits
from r50bench.host.topology import read_host
from support.machine_tree import MachineTree

V1_MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 {root} /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
35 31 0:32 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""
V1_GROUPS = """\
9:name=systemd:/user.slice
4:memory:{group}
3:cpuset:{group}
2:cpu,cpuacct:{group}
0::/user.slice
"""


def write_v1(tree: MachineTree, *, mounted: str, group: str) -> None:
    tree.write("/proc/self/mountinfo", V1_MOUNTS.format(root=mounted))
    tree.write("/proc/self/cgroup", V1_GROUPS.format(group=group))


def test_without_limits_there_are_none(tree: MachineTree) -> None:
    tree.cgroup_v2("/", {})
    limits = read_cgroup_limits(tree.root)
    assert (limits.cpus, limits.cpu_quota, limits.memory_bytes) == (None, None, None)


def test_the_smallest_quota_on_the_way_up_counts(tree: MachineTree) -> None:
    tree.cgroup_v2(
        "/a/b/c",
        {"a/cpu.max": "250000 100000", "a/b/cpu.max": "max 100000", "a/b/c/cpu.max": "40000 10000"},
    )
    assert read_cgroup_limits(tree.root).cpu_quota == 2.5
    assert read_host(tree.root).cpu_quota == 2.5


def test_the_effective_cpus_of_the_nearest_group_limit_the_host(tree: MachineTree) -> None:
    tree.cgroup_v2("/a/b", {"cpuset.cpus.effective": "0-7", "a/cpuset.cpus.effective": "1-2,5"})
    assert [core.cpus for core in read_host(tree.root).cores] == [(1, 5), (2,)]


def test_the_smallest_memory_limit_is_read(tree: MachineTree) -> None:
    tree.cgroup_v2("/a/b", {"a/memory.max": "1048576", "a/b/memory.max": "max"})
    assert read_cgroup_limits(tree.root).memory_bytes == 2**20


def test_a_group_outside_our_namespace_is_not_walked(tree: MachineTree) -> None:
    tree.cgroup_v2("/../neighbour", {"cpu.max": "300000 100000"})
    tree.write("/sys/fs/neighbour/cpu.max", "100000 100000")
    assert read_cgroup_limits(tree.root).cpu_quota == 3.0


def test_version_1_limits_are_read_beside_an_empty_version_2_tree(tree: MachineTree) -> None:
    write_v1(tree, mounted="/", group="/job")
    tree.write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "150000")
    tree.write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000")
    tree.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1")
    tree.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000")
    tree.write("/sys/fs/cgroup/cpuset/job/cpuset.effective_cpus", "2-3")
    tree.write("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712")
    tree.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "4096")
    limits = read_cgroup_limits(tree.root)
    assert limits.cpu_quota == 1.5
    assert limits.cpus == {2, 3}
    assert limits.memory_bytes == 4096


def test_a_version_1_container_sees_only_its_own_part_of_the_tree(tree: MachineTree) -> None:
    write_v1(tree, mounted="/docker/abc", group="/docker/abc/job")
    for folder, quota in (("", "200000"), ("job/", "50000"), ("docker/abc/job/", "10000")):
        tree.write(f"/sys/fs/cgroup/cpu,cpuacct/{folder}cpu.cfs_quota_us", quota)
        tree.write(f"/sys/fs/cgroup/cpu,cpuacct/{folder}cpu.cfs_period_us", "100000")
    assert read_cgroup_limits(tree.root).cpu_quota == 0.5


def test_a_group_of_another_tree_with_our_path_is_not_ours(tree: MachineTree) -> None:
    write_v1(tree, mounted="/", group="/job")
    tree.write("/sys/fs/cgroup/cpu,cpuacct/user.slice/cpu.cfs_quota_us", "50000")
    tree.write("/sys/fs/cgroup/cpu,cpuacct/user.slice/cpu.cfs_period_us", "100000")
    assert read_cgroup_limits(tree.root).cpu_quota is None


@pytest.mark.parametrize("quota", ["-1", "0"])
def test_a_version_1_quota_that_is_not_positive_is_none(tree: MachineTree, quota: str) -> None:
    write_v1(tree, mounted="/", group="/")
    tree.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", quota)
    tree.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000")
    assert read_cgroup_limits(tree.root).cpu_quota is None
