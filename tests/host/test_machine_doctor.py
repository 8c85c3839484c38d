"""What a machine's own settings cost, from made /proc and /sys trees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.host.machine_doctor import examine_machine
from r50bench.host.topology import Host
from r50bench.notices import Notice
from support import synthetic_hosts
from support.machine_tree import MachineTree

TWO_CORES = synthetic_hosts.two_smt_cores()
XEON = replace(TWO_CORES, vendor="GenuineIntel", family=6, model=0xCF, isa=frozenset({"avx512f"}))


def findings(tree: MachineTree, host: Host = TWO_CORES, tiles: bool | None = True) -> list[Notice]:
    return list(examine_machine(host, tree.root, tiles))


def test_what_is_unknown_gives_no_findings(tree: MachineTree) -> None:
    assert findings(tree) == []


def test_cores_that_were_slowed_down_for_heat_are_counted(tree: MachineTree) -> None:
    folder = "/sys/devices/system/cpu/cpu{}/thermal_throttle/core_throttle_count"
    tree.write(folder.format(0), "0")
    assert findings(tree) == []
    tree.write(folder.format(1), "17")
    (found,) = findings(tree)
    assert found.code == "throttled"
    assert "1 of 2 cores" in found.text
    assert "17 times" in found.text


@pytest.mark.parametrize(("disabled", "said"), [("0", ["deep-idle"]), ("1", [])])
def test_a_deep_idle_state_is_found_unless_it_is_switched_off(
    tree: MachineTree, disabled: str, said: list[str]
) -> None:
    folder = "/sys/devices/system/cpu/cpu0/cpuidle"
    tree.write(f"{folder}/state0/latency", "0")
    tree.write(f"{folder}/state1/latency", "2")
    tree.write(f"{folder}/state2/latency", "290")
    tree.write(f"{folder}/state2/disable", disabled)
    found = findings(tree)
    assert [one.code for one in found] == said
    assert all("290 µs" in one.text and "idle-set" in one.mend for one in found)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("always [madvise] never", []),
        ("[always] madvise never", []),
        ("always madvise [never]", ["no-huge-pages"]),
    ],
)
def test_huge_pages_that_are_switched_off_are_found(
    tree: MachineTree, choice: str, said: list[str]
) -> None:
    tree.write("/sys/kernel/mm/transparent_hugepage/enabled", choice)
    assert [one.code for one in findings(tree)] == said


def test_a_second_thread_that_is_not_ours_is_found(tree: MachineTree) -> None:
    ours = synthetic_hosts.two_core_vm()  # CPUs 0 and 1; 4 and 5 are their second threads
    (found,) = findings(tree, ours)
    assert found.code == "shared-threads"
    assert "2 of 2 cores" in found.text
    assert "CPU 4-5" in found.text
    tree.write("/sys/devices/system/cpu/online", "0-3")  # switched off
    assert findings(tree, ours) == []


@pytest.mark.parametrize(
    ("release", "text", "mend"),
    [
        ("5.10.0-30-amd64", "Linux 5.10 knows nothing of it", "Linux 5.16 or newer"),
        ("6.1.0-37-amd64", "hides it", "-cpu host"),
    ],
)
def test_amx_that_the_cpu_has_and_nobody_shows_is_found(
    tree: MachineTree, release: str, text: str, mend: str
) -> None:
    tree.write("/proc/sys/kernel/osrelease", release)
    (found,) = findings(tree, XEON)
    assert found.code == "amx-hidden"
    assert text in found.text
    assert mend in found.mend


def test_a_xeon_without_amx_hides_none(tree: MachineTree) -> None:
    assert findings(tree, replace(XEON, model=0x6A)) == []  # Ice Lake


@pytest.mark.parametrize(("tiles", "said"), [(False, ["amx-refused"]), (True, []), (None, [])])
def test_tiles_that_the_kernel_grants_nobody_are_found(
    tree: MachineTree, tiles: bool | None, said: list[str]
) -> None:
    host = replace(XEON, isa=frozenset({"amx_tile", "amx_int8"}))
    assert [one.code for one in findings(tree, host, tiles)] == said
