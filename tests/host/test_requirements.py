"""What full runs ask of a host, and what made hosts have of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.host.requirements import Requirement, requirements
from r50bench.host.topology import Host
from support import synthetic_hosts
from support.machine_tree import MachineTree

TWO_CORES = synthetic_hosts.two_core_vm()


def asked(
    tree: MachineTree, host: Host = TWO_CORES, tiles: bool | None = None
) -> dict[str, Requirement]:
    found = requirements(host, tree.root / "no/such/cache", tree.root, tiles_granted=tiles)
    return {one.what: one for one in found}


@pytest.mark.parametrize(
    ("isa", "tiles", "met"),
    [({"avx512f"}, True, False), ({"amx_tile"}, True, True), ({"amx_tile"}, None, True),
     ({"amx_tile"}, False, False)],
)  # fmt: skip
def test_amx_is_asked_of_cpu_and_kernel(
    tree: MachineTree, isa: set[str], tiles: bool | None, met: bool
) -> None:
    found = asked(tree, replace(TWO_CORES, isa=frozenset(isa)), tiles)["AMX"]
    assert found.met is met
    assert bool(found.mend) is not met
    assert "Linux 5.16" in found.asked


def test_arm_is_not_asked_for_amx(tree: MachineTree) -> None:
    assert "AMX" not in asked(tree, replace(TWO_CORES, arch="aarch64"))


def test_memory_is_what_each_core_s_instance_takes(tree: MachineTree) -> None:
    enough = asked(tree, replace(TWO_CORES, memory_bytes=8 * 10**9))["memory"]
    assert (enough.met, enough.here) == (True, "8 GB")
    assert "512 GB recommended" in enough.asked
    little = asked(tree, replace(TWO_CORES, memory_bytes=10**11, memory_limit_bytes=5 * 10**8))
    assert little["memory"].met is False
    assert "--weight-sharing" in little["memory"].mend
    assert "memory" not in asked(tree, replace(TWO_CORES, memory_bytes=0))


@pytest.mark.parametrize(
    ("state", "here"),
    [("on", "on: 1 threads"), ("off", "off"), ("forceoff", "off"), ("notsupported", "has none")],
)
def test_the_state_of_smt_is_told_where_the_kernel_knows_it(
    tree: MachineTree, state: str, here: str
) -> None:
    assert "SMT" not in asked(tree)
    tree.write("/sys/devices/system/cpu/smt/control", state)
    found = asked(tree)["SMT"]
    assert here in found.here
    assert bool(found.mend) is (state == "on")


def test_the_disk_is_that_on_which_the_cache_will_lie(
    tree: MachineTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free(place: Path) -> object:
        assert place == tree.root
        return type("Usage", (), {"free": free_bytes})

    monkeypatch.setattr("shutil.disk_usage", free)
    free_bytes = 5 * 10**9
    found = asked(tree)["disk"]
    assert (found.met, found.here) == (False, f"5 GB free in {tree.root}")
    assert "R50BENCH_CACHE" in found.mend
    free_bytes = 50 * 10**9
    assert asked(tree)["disk"].met is True
