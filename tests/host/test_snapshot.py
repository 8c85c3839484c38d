from __future__ import annotations

import json
import os
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from r50bench.host.snapshot import Conditions, engine_versions, host_identity, snapshot, versions
from r50bench.host.topology import read_host
from support.machine_tree import CPUINFO_GRAVITON3, MachineTree

MACHINE_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def furnished(tree: MachineTree) -> MachineTree:
    for path, text in {
        "/etc/machine-id": MACHINE_ID,
        "/etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "/proc/sys/kernel/osrelease": "6.1.0-test\n",
        "/proc/sys/kernel/numa_balancing": "1\n",
        "/proc/loadavg": "1.50 0.70 0.20 3/412 9999\n",
        "/proc/stat": "cpu  600 0 200 150 20 5 5 20 100 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n",
        "/sys/class/dmi/id/sys_vendor": "Amazon EC2\n",
        "/sys/class/dmi/id/product_name": "m7i.metal-48xl\n",
        "/sys/devices/system/cpu/smt/active": "1\n",
        "/sys/devices/system/cpu/intel_pstate/no_turbo": "0\n",
        "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver": "intel_pstate\n",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq": "800000\n",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq": "3800000\n",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
        "/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor": "powersave\n",
    }.items():
        tree.write(path, text)
    tree.cgroup_v2("/pod", {"pod/memory.max": "512000", "pod/cpu.max": "350000 100000"})
    return tree


def test_the_snapshot_holds_what_the_machine_shows(furnished: MachineTree) -> None:
    shot = snapshot(read_host(furnished.root), furnished.root)
    expected = {
        "platform": "SPR",
        "machine": "Amazon EC2 m7i.metal-48xl",
        "model_name": "Intel(R) Xeon(R) Platinum 8480+",
        "stepping": "8",
        "microcode": "0x2b000590",
        "sockets": 2,
        "nodes": 2,
        "cores": 4,
        "smt": True,
        "cpus": [0, 4, 1, 5, 2, 6, 3, 7],
        "cpu_quota": 3.5,
        "memory_bytes": 1000 * 1024,
        "memory_available_bytes": 600 * 1024,
        "memory_limit_bytes": 512000,
        "kernel": "6.1.0-test",
        "distribution": "Debian GNU/Linux 12 (bookworm)",
        "virtual_machine": False,
        "governors": ["performance", "powersave"],
        "frequency_driver": "intel_pstate",
        "frequency_min_khz": 800000,
        "frequency_max_khz": 3800000,
        "boost": True,
        "transparent_hugepages": "madvise",
        "numa_balancing": True,
        "load_average": 1.5,
        "running": 2,
        "steal_share": 0.02,
    }
    assert {key: shot[key] for key in expected} == expected
    assert shot["caches"][-1] == {"level": 3, "type": "Unified", "size": "107520K"}


def test_the_snapshot_survives_json(furnished: MachineTree) -> None:
    shot = snapshot(read_host(furnished.root), furnished.root)
    assert json.loads(json.dumps(shot)) == shot


def test_what_cannot_be_read_is_left_out(tree: MachineTree) -> None:
    tree.write("/proc/cpuinfo", CPUINFO_GRAVITON3)
    shot = snapshot(read_host(tree.root), tree.root)
    absent = {field.name for field in fields(Conditions)} | {
        "cpu_quota",
        "fingerprint",
        "kernel",
        "machine",
        "memory_limit_bytes",
        "microcode",
        "smt",
        "virtual_machine",
    }
    assert not absent & shot.keys()
    assert None not in shot.values()
    assert shot["stepping"] == "r1p1"


def test_the_fingerprint_tells_hosts_apart_without_naming_them(furnished: MachineTree) -> None:
    host = read_host(furnished.root)
    first, again = (snapshot(host, furnished.root) for _ in range(2))
    furnished.write("/etc/machine-id", MACHINE_ID[::-1])
    other = snapshot(host, furnished.root)
    assert first["fingerprint"] == again["fingerprint"] != other["fingerprint"]
    assert MACHINE_ID not in json.dumps(first)
    assert os.uname().nodename not in json.dumps(first).split('"')


@pytest.mark.parametrize(
    ("path", "text", "container"),
    [
        ("/.dockerenv", "", "docker"),
        ("/run/.containerenv", "", "podman"),
        ("/run/systemd/container", "lxc-libvirt\n", "lxc-libvirt"),
        ("/proc/self/cgroup", "0::/kubepods.slice/pod1\n", "kubepods"),
    ],
)
def test_a_container_is_recognised(tree: MachineTree, path: str, text: str, container: str) -> None:
    host = read_host(tree.root)
    assert "container" not in snapshot(host, tree.root)
    tree.write(path, text)
    assert snapshot(host, tree.root)["container"] == container


def test_versions_are_known_without_importing_torch() -> None:
    loaded = "torch" in sys.modules
    versions = snapshot(read_host(), Path("/"))["versions"]
    assert isinstance(versions, dict)
    assert {"python", "r50bench", "torch", "numpy"} <= versions.keys()
    assert ("torch" in sys.modules) == loaded


def test_what_tells_hosts_apart_and_the_versions_are_as_the_snapshot_has_them(
    furnished: MachineTree,
) -> None:
    host = read_host(furnished.root)
    shot = snapshot(host, furnished.root)
    identity = host_identity(host, furnished.root)
    assert set(identity) == {"platform", "model_name", "fingerprint", "cpus", "cpu_quota"}
    assert identity == {key: shot[key] for key in identity}
    assert versions() == shot["versions"]
    assert engine_versions().items() <= versions().items()
    assert "python" not in engine_versions()
