from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.errors import UsageError
from r50bench.host.isa import ARM_MACHINES, detect_platform
from r50bench.host.topology import Host
from r50bench.planning.nominal import PLATFORMS, nominal_host
from support import synthetic_hosts


def x86(vendor: str, family: int, model: int) -> Host:
    return replace(synthetic_hosts.two_core_vm(), vendor=vendor, family=family, model=model)


def arm(name: str, *flags: str) -> Host:
    return replace(synthetic_hosts.graviton2(), model_name=name, isa=frozenset({"asimd", *flags}))


@pytest.mark.parametrize(
    ("host", "platform"),
    [
        (x86("GenuineIntel", 6, 106), "ICX"),
        (x86("GenuineIntel", 6, 108), "ICX"),
        (x86("GenuineIntel", 6, 143), "SPR"),
        (x86("GenuineIntel", 6, 207), "EMR"),
        (x86("GenuineIntel", 6, 173), "GNR"),
        (x86("GenuineIntel", 6, 174), "GNR"),
        (x86("GenuineIntel", 6, 85), "x86-64"),
        (x86("GenuineIntel", 25, 143), "x86-64"),
        (x86("AuthenticAMD", 25, 0x11), "GENOA"),
        (x86("AuthenticAMD", 25, 0xA0), "GENOA"),
        (x86("AuthenticAMD", 25, 0x01), "x86-64"),
        (x86("AuthenticAMD", 26, 0x02), "TURIN"),
        (x86("AuthenticAMD", 26, 0x11), "TURIN"),
        (x86("AuthenticAMD", 26, 0x44), "x86-64"),
        (x86("HygonGenuine", 26, 0x02), "x86-64"),
        (arm("Neoverse-N1"), "ARMv8"),
        (arm("Cortex-A72"), "ARMv8"),
        (arm("Neoverse-V1"), "ARMv9"),
        (arm("Cobalt-100 (Neoverse-N2)"), "ARMv9"),
        (arm("Neoverse-V2"), "ARMv9"),
        (arm("implementer 0x7f part 0x123", "sve2"), "ARMv9"),
        (replace(x86("unknown", 0, 0), arch="riscv64"), "riscv64"),
    ],
)
def test_a_platform_is_detected_from_the_cpu_alone(host: Host, platform: str) -> None:
    assert detect_platform(host) == platform


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_nominal_host_is_detected_as_its_platform(platform: str) -> None:
    host = nominal_host(platform)
    assert detect_platform(host) == platform
    assert nominal_host(platform.lower()) == host


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_nominal_host_numbers_every_cpu_once(platform: str) -> None:
    cores = nominal_host(platform).cores
    cpus = sorted(cpu for core in cores for cpu in core.cpus)
    assert cpus == list(range(len(cpus)))
    assert list(cores) == sorted(cores, key=lambda core: (core.socket, core.node, core.cpus))


def test_nominal_hosts_have_the_sockets_and_cores_of_their_model() -> None:
    extent = {p: (nominal_host(p).sockets, len(nominal_host(p).cores)) for p in PLATFORMS}
    assert extent == {
        "ICX": (2, 80),
        "SPR": (2, 112),
        "EMR": (2, 128),
        "GNR": (2, 256),
        "GENOA": (2, 192),
        "TURIN": (2, 256),
        "ARMv8": (1, 64),
        "ARMv9": (1, 64),
    }


def test_a_granite_rapids_socket_has_three_nodes() -> None:
    nodes = [core.node for core in nominal_host("GNR").cores]
    assert [nodes.count(node) for node in range(6)] == [43, 43, 42, 43, 43, 42]


def test_a_misspelt_platform_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        nominal_host("GENAO")
    assert caught.value.hint == "did you mean GENOA?"


def test_the_machine_table_names_known_platforms() -> None:
    assert {(machine.cloud, machine.platform) for machine in ARM_MACHINES} == {
        ("AWS", "ARMv8"),
        ("AWS", "ARMv9"),
        ("GCP", "ARMv9"),
        ("AZURE", "ARMv9"),
    }
