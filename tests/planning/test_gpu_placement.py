"""Instances on GPUs: one for each, on CPUs near it."""

from __future__ import annotations

from r50bench.case import Case, CaseName
from r50bench.host.topology import Host
from r50bench.parameters import collect
from r50bench.planning.effective_case import effective_case
from r50bench.planning.gpu_placement import GPU_CORES, gpu_cores, place_on_gpus
from r50bench.planning.placement import place
from support import synthetic_hosts as hosts


def case_on(host: Host, *sets: str) -> Case:
    name = CaseName.parse("inference_throughput_cuda_fp16")
    return effective_case(name, collect({}, ("ENGINE=fake", *sets), {}), host).case


def test_each_instance_has_a_gpu_and_cores_of_the_gpu_s_own_node() -> None:
    host = hosts.with_gpus(hosts.host_of([[4], [4]]), 4, nodes=(0, 1))
    slots = place_on_gpus(host, case_on(host)).slots
    assert [slot.gpu for slot in slots] == [gpu.pci for gpu in host.gpus]
    assert [slot.cpus for slot in slots] == [(2, 3), (6, 7), (0, 1), (4, 5)]
    assert [slot.nodes for slot in slots] == [(0,), (1,), (0,), (1,)]


def test_where_the_node_is_unknown_or_full_other_cores_serve() -> None:
    host = hosts.with_gpus(hosts.host_of([[2], [4]]), 2, nodes=(0,))
    slots = place_on_gpus(host, case_on(host)).slots
    assert [slot.cpus for slot in slots] == [(0, 1), (4, 5)]
    unknown = hosts.with_gpus(hosts.host_of([[4]]), 1)
    placed = place(unknown, case_on(unknown))
    assert (placed.slots[0].cpus, placed.leftover) == ((2, 3), (0, 1))


def test_a_small_host_shares_its_cores_out_evenly() -> None:
    host = hosts.with_gpus(hosts.host_of([[3]]), 2)
    assert gpu_cores(host, 2) == 1
    assert gpu_cores(host, 1) == GPU_CORES
    assert [slot.cpus for slot in place(host, case_on(host)).slots] == [(2,), (1,)]


def test_a_core_per_instance_that_was_asked_for_is_taken() -> None:
    host = hosts.with_gpus(hosts.host_of([[8]]), 1, nodes=(0,))
    assert place(host, case_on(host, "CORES_PER_INSTANCE=5")).slots[0].cpus == (3, 4, 5, 6, 7)


def test_no_usable_cpu_near_a_gpu_is_said() -> None:
    host = hosts.with_gpus(hosts.host_of([[4]]), 2, nodes=(0, 1))
    name = CaseName.parse("inference_throughput_cuda_fp16")
    notices = effective_case(name, collect({}, ("ENGINE=fake",), {}), host).notices
    assert [(one.code, host.gpus[1].pci in one.text) for one in notices] == [("gpu-far", True)]
