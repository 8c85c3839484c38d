"""Counters of energy are read from what the kernel shows, and a part never passes for the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.host.energy import (
    EnergyCounter,
    energy_counters,
    joules_between,
    read_energy_uj,
)
from r50bench.host.kernel_files import counts_energy
from support.machine_tree import MachineTree

RANGE_UJ = 262_143_328_850  # of a Xeon


@pytest.fixture
def tree(tmp_path: Path) -> MachineTree:
    return MachineTree(tmp_path)


def names(tree: MachineTree) -> list[str]:
    return [counter.name for counter in energy_counters(tree.root)]


def test_sockets_and_their_memory_are_counted_and_nothing_in_them_again(tree: MachineTree) -> None:
    tree.rapl("intel-rapl:0", "package-0", 1)
    tree.rapl("intel-rapl:0:0", "core", 2)
    tree.rapl("intel-rapl:0:1", "dram", 3)
    tree.rapl("intel-rapl:1", "package-1", 4)
    tree.rapl("intel-rapl:1:0", "dram", 5)
    tree.rapl("intel-rapl:2", "psys", 6)
    tree.rapl("intel-rapl-mmio:0", "package-0", 7)
    counters = energy_counters(tree.root)
    assert [counter.name for counter in counters] == [
        "RAPL package-0",
        "RAPL dram-0",
        "RAPL package-1",
        "RAPL dram-1",
    ]
    assert read_energy_uj(counters, tree.root) == (1, 3, 4, 5)
    assert {counter.range_uj for counter in counters} == {RANGE_UJ}


def test_a_socket_that_may_not_be_read_leaves_none(tree: MachineTree) -> None:
    tree.rapl("intel-rapl:0", "package-0", 1)
    tree.rapl("intel-rapl:1", "package-1", None)
    assert energy_counters(tree.root) == ()


def test_a_driver_that_counts_by_socket_stands_in_for_rapl(tree: MachineTree) -> None:
    tree.hwmon(0, "nvme", {"temp1": ("Composite", 40_000)})
    tree.hwmon(1, "amd_energy", {"energy1": ("Ecore000", 5), "energy2": ("Esocket0", 70)})
    assert names(tree) == ["amd_energy Esocket0"]
    assert read_energy_uj(energy_counters(tree.root), tree.root) == (70,)
    tree.rapl("intel-rapl:0", "package-0", 1)
    assert names(tree) == ["RAPL package-0"]


def test_a_machine_that_counts_nothing_has_no_counters(tree: MachineTree) -> None:
    assert not counts_energy(tree.root)
    assert energy_counters(tree.root) == ()
    tree.rapl("intel-rapl:0", "package-0", None)
    assert counts_energy(tree.root)


ONE = (EnergyCounter("RAPL package-0", "/of/no/matter", RANGE_UJ),)


def test_joules_are_summed_over_the_counters() -> None:
    two = (*ONE, EnergyCounter("RAPL package-1", "/of/no/matter", RANGE_UJ))
    assert joules_between(two, (1_000_000, 0), (3_500_000, 500_000), 1.0) == 3.0


def test_a_counter_that_went_round_has_lost_nothing() -> None:
    assert joules_between(ONE, (RANGE_UJ - 1_000_000,), (2_000_000,), 1.0) == 3.0


def test_a_counter_that_may_have_gone_round_twice_tells_nothing() -> None:
    assert joules_between(ONE, (0,), (5_000_000,), 262.0) == 5.0
    assert joules_between(ONE, (0,), (5_000_000,), 263.0) is None


def test_a_counter_without_a_range_that_fell_tells_nothing() -> None:
    endless = (EnergyCounter("amd_energy Esocket0", "/of/no/matter"),)
    assert joules_between(endless, (0,), (5_000_000,), 1e6) == 5.0
    assert joules_between(endless, (5_000_000,), (0,), 1.0) is None
