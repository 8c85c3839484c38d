from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from r50bench.errors import Unsupported
from r50bench.host.doctor import examine
from r50bench.host.snapshot import snapshot
from r50bench.host.topology import Core, read_host
from r50bench.measure.contention import read_waits
from support.machine_tree import CPUINFO_GRAVITON3, MachineTree


def test_cores_carry_their_siblings_node_and_socket(tree: MachineTree) -> None:
    host = read_host(tree.root)
    assert host.cores == (
        Core((0, 4), 0, 0),
        Core((1, 5), 0, 0),
        Core((2, 6), 1, 1),
        Core((3, 7), 1, 1),
    )
    assert (host.sockets, host.cores_in_machine, host.cpu_quota) == (2, 4, None)
    assert host.memory_nodes == (0, 1)


def test_the_cpu_and_its_sizes_are_read(tree: MachineTree) -> None:
    host = read_host(tree.root)
    assert (host.arch, host.vendor, host.family, host.model) == ("x86_64", "GenuineIntel", 6, 143)
    assert host.model_name == "Intel(R) Xeon(R) Platinum 8480+"
    assert {"amx_int8", "avx512_bf16", "avx2"} < host.isa
    assert "sse2" not in host.isa
    assert host.l3_bytes == 107520 * 1024
    assert host.memory_bytes == 1000 * 1024


@pytest.mark.parametrize(
    ("limit", "usable"), [("max", 1000 * 1024), ("524288", 524288), ("9999999", 1000 * 1024)]
)
def test_a_memory_limit_leaves_less_to_use_never_more(
    tree: MachineTree, limit: str, usable: int
) -> None:
    tree.cgroup_v2("/job", {"job/memory.max": limit})
    host = read_host(tree.root)
    assert (host.memory_bytes, host.usable_memory_bytes) == (1000 * 1024, usable)


def test_an_arm_core_is_named_by_its_midr_fields(tree: MachineTree) -> None:
    tree.write("/proc/cpuinfo", CPUINFO_GRAVITON3)
    host = read_host(tree.root)
    assert (host.arch, host.vendor, host.model_name) == ("aarch64", "ARM", "Neoverse-V1")
    assert (host.family, host.model) == (0x41, 0xD40)
    assert {"asimddp", "bf16", "i8mm", "sve"} <= host.isa


def test_an_unknown_arm_core_keeps_its_numbers(tree: MachineTree) -> None:
    tree.write("/proc/cpuinfo", "CPU implementer\t: 0x7f\nCPU part\t: 0x123\nFeatures\t: asimd\n")
    assert read_host(tree.root).model_name == "implementer 0x7f part 0x123"


def test_a_sibling_outside_the_affinity_mask_is_not_listed(tree: MachineTree) -> None:
    tree.status("1-5")
    host = read_host(tree.root)
    assert [core.cpus for core in host.cores] == [(1, 5), (4,), (2,), (3,)]
    assert host.cores_in_machine == 4


def test_the_affinity_argument_replaces_the_mask(tree: MachineTree) -> None:
    tree.status("0")
    host = read_host(tree.root, affinity=[2, 3])
    assert [core.cpus for core in host.cores] == [(2,), (3,)]
    assert (host.sockets, host.cores_in_machine) == (1, 4)


def test_offline_cpus_are_no_cores(tree: MachineTree) -> None:
    tree.write("/sys/devices/system/cpu/online", "0-2,5")
    host = read_host(tree.root)
    assert [core.cpus for core in host.cores] == [(0,), (1, 5), (2,)]
    assert host.cores_in_machine == 3


def test_cores_are_ordered_by_socket_and_node_not_by_number(tree: MachineTree) -> None:
    tree.cpus([((0,), 0), ((1,), 1), ((2,), 0), ((3,), 1)], online="0-3")
    tree.nodes({0: "0,2", 1: "1,3"}, has_memory="0-1")
    assert [core.cpus[0] for core in read_host(tree.root).cores] == [0, 2, 1, 3]


def test_a_node_of_only_memory_has_no_cores_but_memory(tree: MachineTree) -> None:
    tree.nodes({0: "0-1,4-5", 1: "2-3,6-7", 2: ""}, has_memory="0-2")
    tree.status("0-7", mems="0-7")
    host = read_host(tree.root)
    assert {core.node for core in host.cores} == {0, 1}
    assert host.memory_nodes == (0, 1, 2)


def test_memory_outside_mems_allowed_is_not_ours(tree: MachineTree) -> None:
    tree.status("0-7", mems="1")
    assert read_host(tree.root).memory_nodes == (1,)


def test_a_kernel_without_numa_has_one_node(tmp_path: Path) -> None:
    machine = MachineTree(tmp_path)
    machine.cpus([((0,), -1), ((1,), -1)], online="0-1")
    host = read_host(machine.root)
    assert host.cores == (Core((0,), 0, 0), Core((1,), 0, 0))
    assert host.memory_nodes == ()


def test_a_sandbox_that_shows_only_cpu_folders_still_has_cores(tmp_path: Path) -> None:
    machine = MachineTree(tmp_path)
    for cpu in range(3):
        machine.write(f"/sys/devices/system/cpu/cpu{cpu}/uevent", "")
    host = read_host(machine.root)
    assert [core.cpus for core in host.cores] == [(0,), (1,), (2,)]
    assert host.l3_bytes is None


def test_a_machine_that_shows_no_cpu_at_all_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="no CPU may be used") as caught:
        read_host(tmp_path)
    assert "/proc" in str(caught.value.hint)


def test_the_mask_is_believed_where_a_container_is_shown_other_numbers(tree: MachineTree) -> None:
    tree.write("/sys/devices/system/cpu/online", "0-1")  # as lxcfs counts anew
    tree.status("6-7")
    assert [core.cpus for core in read_host(tree.root).cores] == [(6,), (7,)]
    assert [core.cpus for core in read_host(tree.root, affinity=[1, 6]).cores] == [(1,), (6,)]


def test_without_sys_every_cpu_of_the_mask_is_a_core(tmp_path: Path) -> None:
    machine = MachineTree(tmp_path)
    machine.status("12-13")
    host = read_host(machine.root)
    assert host.cores == (Core((12,), 0, 0), Core((13,), 0, 0))
    assert host.cores_in_machine == 2
    assert host.l3_bytes is None


def test_of_intels_two_kinds_of_cores_the_fast_ones_are_used(tree: MachineTree) -> None:
    tree.write("/sys/devices/cpu_core/cpus", "0-1,4-5")
    tree.write("/sys/devices/cpu_atom/cpus", "2-3,6-7")
    host = read_host(tree.root)
    assert [core.cpus for core in host.cores] == [(0, 4), (1, 5)]
    assert [core.cpus for core in host.slow_cores] == [(2, 6), (3, 7)]
    every = host.with_slow_cores(True)
    assert [core.cpus for core in every.cores] == [(0, 4), (1, 5), (2, 6), (3, 7)]
    assert every.slow_cores == ()
    assert host.with_slow_cores(False) == host


def test_who_is_given_slow_cores_alone_uses_them(tree: MachineTree) -> None:
    tree.write("/sys/devices/cpu_atom/cpus", "2-3,6-7")
    host = read_host(tree.root, affinity=[2, 3])
    assert [core.cpus for core in host.cores] == [(2,), (3,)]
    assert host.slow_cores == ()


@pytest.mark.parametrize(("capacity", "slow"), [("446", [(3, 7)]), ("1010", [])])
def test_elsewhere_the_kinds_are_told_by_their_capacity(
    tree: MachineTree, capacity: str, slow: list[tuple[int, ...]]
) -> None:
    for cpu in range(8):
        value = capacity if cpu in (3, 7) else "1024"
        tree.write(f"/sys/devices/system/cpu/cpu{cpu}/cpu_capacity", value)
    host = read_host(tree.root)
    assert [core.cpus for core in host.slow_cores] == slow
    assert len(host.cores) == 4 - len(slow)


@pytest.mark.parametrize("name", ["isolated", "nohz_full"])
def test_cpus_that_are_set_aside_are_known_unless_they_alone_are_used(
    tree: MachineTree, name: str
) -> None:
    tree.write(f"/sys/devices/system/cpu/{name}", "2-3,6-7")
    tree.status("0-1,4-5")
    assert read_host(tree.root).set_aside == (2, 3, 6, 7)
    tree.status("0-3")
    assert read_host(tree.root).set_aside == (2, 3, 6, 7)
    tree.status("2-3")
    assert read_host(tree.root).set_aside == ()
    tree.write(f"/sys/devices/system/cpu/{name}", "")
    tree.status("0-7")
    assert read_host(tree.root).set_aside == ()


def test_cpus_set_aside_that_the_cgroup_forbids_are_none_of_ours(tree: MachineTree) -> None:
    tree.write("/sys/devices/system/cpu/isolated", "2-3")
    tree.cgroup_v2("/job", {"job/cpuset.cpus.effective": "0-1"})
    assert read_host(tree.root).set_aside == ()


FILES_READ = (
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/loadavg",
    "/proc/stat",
    "/proc/self/cgroup",
    "/proc/self/mountinfo",
    "/proc/self/status",
    "/sys/devices/cpu_atom/cpus",
    "/sys/devices/system/cpu/cpu0/cache/index3/size",
    "/sys/devices/system/cpu/cpu0/topology/physical_package_id",
    "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list",
    "/sys/devices/system/cpu/isolated",
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/node/has_memory",
    "/sys/devices/system/node/node0/cpulist",
    "/sys/fs/cgroup/job/cpu.max",
    "/sys/fs/cgroup/job/cpuset.cpus.effective",
    "/sys/fs/cgroup/job/memory.max",
)


@pytest.mark.parametrize(
    "text", [None, "", "\n", "garbage", "1:2", "a - cgroup2", "-1", "9,x-", "x/0"]
)
@pytest.mark.parametrize("path", FILES_READ)
def test_a_file_that_is_missing_or_says_something_else_costs_its_figure_alone(
    tree: MachineTree, path: str, text: str | None
) -> None:
    tree.cgroup_v2("/job", {"job/memory.max": "524288", "job/cpu.max": "200000 100000"})
    if text is None:
        (tree.root / path.lstrip("/")).unlink(missing_ok=True)
    else:
        tree.write(path, text)
    host = read_host(tree.root)
    assert host.cores
    assert snapshot(host, tree.root)["cores"] == len(host.cores)
    examine(host, tree.root, {})
    read_waits([0], tree.root)


def test_this_machine_shows_the_cpus_we_may_use() -> None:
    host = read_host()
    cpus = {cpu for core in host.cores for cpu in core.cpus}
    assert cpus == os.sched_getaffinity(0)
    assert host.memory_bytes > 2**28


def test_reading_this_machine_takes_milliseconds() -> None:
    def seconds() -> float:
        start = time.perf_counter()
        host = read_host()
        # One file a core and a socket: allow for machines larger than the one this was written on.
        return (time.perf_counter() - start) / max(1, host.cores_in_machine / 32)

    assert min(seconds() for _ in range(5)) < 0.005
