"""The machines that cases are planned for without having them."""

from __future__ import annotations

import pytest

from r50bench.errors import UsageError
from r50bench.host.isa import detect_platform
from r50bench.planning.nominal import PLATFORMS, nominal_host


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
