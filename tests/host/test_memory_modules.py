"""The firmware's table of memory modules, from made tables."""

from __future__ import annotations

import struct

import pytest

from r50bench.host.memory_modules import MemoryModules, examine_modules, read_memory_modules
from support.machine_tree import MachineTree
from support.memory_tables import device

TABLE = "/sys/firmware/dmi/tables/DMI"


OTHER = struct.pack("<BBH", 1, 4, 0) + b"board\0\0"
END = struct.pack("<BBH", 127, 4, 9) + b"\0\0"


def read(tree: MachineTree, *structures: bytes, end: bytes = END) -> MemoryModules | None:
    tree.write(TABLE, "")
    (tree.root / TABLE.lstrip("/")).write_bytes(b"".join(structures) + end)
    return read_memory_modules(tree.root)


def test_empty_channels_and_slow_memory_are_found(tree: MachineTree) -> None:
    assert list(examine_modules(tree.root)) == []
    read(tree, device("CPU1_DIMM_A1", now=4400), device("CPU1_DIMM_B1", size=0))
    channels, speed = examine_modules(tree.root)
    assert (channels.code, speed.code) == ("memory-channels", "memory-speed")
    assert "1 of 2 memory channels have a module: the bandwidth is at most 50 %" in channels.text
    assert "4400 MT/s, and the modules are made for 4800" in speed.text
    read(tree, device("CPU1_DIMM_A1"), device("CPU1_DIMM_A2", size=0))
    assert list(examine_modules(tree.root)) == []


def test_without_the_right_to_read_the_table_there_are_none(tree: MachineTree) -> None:
    assert read_memory_modules(tree.root) is None


@pytest.mark.parametrize(
    ("names", "channels"),
    [
        ([("CPU1_DIMM_A1", ""), ("CPU1_DIMM_B1", ""), ("CPU2_DIMM_A1", "")], (2, 3)),
        ([("0", "P0 CHANNEL A"), ("0", "P0 CHANNEL B"), ("0", "P1 CHANNEL A")], (2, 3)),
        ([("A1", "NODE 1"), ("B1", "NODE 1"), ("A1", "NODE 2")], (2, 3)),
        ([("CPU1_DIMM_A1", ""), ("CPU1_DIMM_A2", ""), ("CPU1_DIMM_B1", "")], (1, 2)),
        ([("DIMM 0", ""), ("DIMM 1", ""), ("DIMM 2", "")], None),
    ],
)  # fmt: skip
def test_channels_are_counted_where_slots_are_named_by_them(
    tree: MachineTree, names: list[tuple[str, str]], channels: tuple[int, int] | None
) -> None:
    *filled, empty = names
    found = read(tree, OTHER, *(device(*name) for name in filled), device(*empty, size=0))
    assert found is not None
    assert found.channels == channels


def test_modules_that_run_slower_than_they_are_made_for_are_seen(tree: MachineTree) -> None:
    found = read(tree, device("A1", rated=5600), device("B1", rated=5600, now=4400))
    assert found is not None
    assert found.slowed == (4400, 5600)
    found = read(tree, device("A1"), device("B1", size=0, rated=0))
    assert found is not None
    assert found.slowed is None


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x11",
        device("A1")[:30],
        struct.pack("<BBH", 17, 2, 0) + b"\0\0",
        struct.pack("<BBH", 17, 255, 0),
        b"\0" * 4096,
        b"\xff" * 4096,
    ],
)
def test_a_damaged_table_tells_what_came_before_the_damage(
    tree: MachineTree, damaged: bytes
) -> None:
    assert read(tree, damaged, end=b"") is None
    found = read(tree, device("A1"), damaged, end=b"")
    assert found is not None
    assert found.slots[0].channel == ("", "A")


def test_an_endless_table_is_read_to_a_bound(tree: MachineTree) -> None:
    found = read(tree, *([OTHER] * 5000), device("A1"))
    assert found is None
