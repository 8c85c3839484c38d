from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.case import Case
from r50bench.errors import UsageError
from r50bench.host.topology import Host, cores_by_node, usable_cores
from r50bench.planning.nominal import nominal_host
from r50bench.planning.placement import most_instances, place, refuse_batch
from support import synthetic_hosts


def a_case(instances: int, cores: int, *, across_nodes: bool = False) -> Case:
    return Case(
        mode="throughput",
        precision="avx_fp32",
        batch_size=1,
        cores_per_instance=cores,
        instances=instances,
        steps=10,
        warmup_steps=1,
        across_nodes=across_nodes,
    )


def cpus_of(host: Host, case: Case) -> list[tuple[int, ...]]:
    return [slot.cpus for slot in place(host, case).slots]


@st.composite
def hosts(draw: st.DrawFn) -> Host:
    socket = st.lists(st.integers(1, 9), min_size=1, max_size=4)
    return synthetic_hosts.host_of(
        draw(st.lists(socket, min_size=1, max_size=3)),
        threads=draw(st.sampled_from([1, 2])),
        quota=draw(st.none() | st.floats(0.1, 40)),
    )


@st.composite
def fitting_requests(draw: st.DrawFn) -> tuple[Host, Case]:
    host = draw(hosts())
    across = draw(st.booleans())
    largest = max(len(cores) for cores in cores_by_node(host).values())
    cores = draw(st.integers(1, len(usable_cores(host)) if across else largest))
    instances = draw(st.integers(1, most_instances(host, cores, across)))
    return host, a_case(instances, cores, across_nodes=across)


@given(fitting_requests())
def test_slots_and_leftover_are_exactly_the_usable_cores(request_: tuple[Host, Case]) -> None:
    host, case = request_
    placement = place(host, case)
    given_out = [cpu for slot in placement.slots for cpu in slot.cpus] + [*placement.leftover]
    # First CPUs only, each once: so no CPU is in two slots and no SMT sibling is used.
    assert sorted(given_out) == sorted(core.cpus[0] for core in usable_cores(host))
    assert [slot.instance for slot in placement.slots] == list(range(case.instances))
    assert {len(slot.cpus) for slot in placement.slots} == {case.cores_per_instance}


@given(fitting_requests())
def test_no_instance_straddles_nodes_unless_asked(request_: tuple[Host, Case]) -> None:
    host, case = request_
    node_of = {core.cpus[0]: core.node for core in host.cores}
    for slot in place(host, case).slots:
        nodes = {node_of[cpu] for cpu in slot.cpus}
        assert set(slot.nodes) == nodes
        assert len(nodes) == 1 or case.across_nodes


@given(fitting_requests())
def test_instances_straddle_only_where_they_would_not_fit_otherwise(
    request_: tuple[Host, Case],
) -> None:
    host, case = request_
    fits_within_nodes = most_instances(host, case.cores_per_instance) >= case.instances
    straddling = [slot for slot in place(host, case).slots if len(slot.nodes) > 1]
    assert not (fits_within_nodes and straddling)


@given(hosts(), st.integers(1, 12), st.booleans())
def test_most_instances_is_what_fits_and_one_more_does_not(
    host: Host, cores: int, across: bool
) -> None:
    most = most_instances(host, cores, across)
    if most:
        assert len(place(host, a_case(most, cores, across_nodes=across)).slots) == most
    with pytest.raises(UsageError, match="not fit"):
        place(host, a_case(most + 1, cores, across_nodes=across))


@given(st.data(), st.integers(1, 3), st.integers(1, 4), st.integers(1, 9))
def test_equal_nodes_are_loaded_evenly(
    data: st.DataObject, sockets: int, nodes: int, cores_per_node: int
) -> None:
    host = synthetic_hosts.host_of([[cores_per_node] * nodes] * sockets)
    cores = data.draw(st.integers(1, cores_per_node))
    instances = data.draw(st.integers(1, most_instances(host, cores)))
    slots = place(host, a_case(instances, cores)).slots
    per_node = [sum(node in slot.nodes for slot in slots) for node in cores_by_node(host)]
    assert max(per_node) - min(per_node) <= 1


def test_one_instance_per_socket_takes_each_socket_whole() -> None:
    slots = place(synthetic_hosts.spr_two_sockets(), a_case(2, 56)).slots
    assert [(slot.cpus, slot.nodes) for slot in slots] == [
        (tuple(range(56)), (0,)),
        (tuple(range(56, 112)), (1,)),
    ]


def test_two_instances_under_snc_go_to_different_sockets() -> None:
    host = synthetic_hosts.spr_snc4()
    assert [slot.nodes for slot in place(host, a_case(2, 14)).slots] == [(0,), (4,)]


def test_a_socket_under_snc_is_refused_and_allowed_across_nodes() -> None:
    host = synthetic_hosts.spr_snc4()
    with pytest.raises(UsageError) as caught:
        place(host, a_case(2, 56))
    assert "each have 14 usable cores" in caught.value.message
    assert caught.value.hint == "use cores_per_instance=14 or --across-nodes"
    slots = place(host, a_case(2, 56, across_nodes=True)).slots
    assert [slot.nodes for slot in slots] == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_across_nodes_keeps_to_sockets_where_it_can() -> None:
    host = nominal_host("GNR")
    slots = place(host, a_case(2, 100, across_nodes=True)).slots
    assert [slot.nodes for slot in slots] == [(0, 1, 2), (3, 4, 5)]


def test_an_uneven_node_takes_as_many_instances_as_it_holds() -> None:
    host = synthetic_hosts.uneven_numa()
    assert cpus_of(host, a_case(2, 2)) == [(3, 4), (6, 7)]
    assert cpus_of(host, a_case(3, 2)) == [(1, 2), (3, 4), (6, 7)]
    assert place(host, a_case(3, 2)).leftover == (0, 5)


def test_cpu_0_is_left_over_first() -> None:
    placement = place(synthetic_hosts.two_core_vm(), a_case(1, 1))
    assert (placement.slots[0].cpus, placement.leftover) == ((1,), (0,))


def test_a_refusal_counts_the_room_of_every_node_and_offers_the_ways_out() -> None:
    with pytest.raises(UsageError) as caught:
        place(synthetic_hosts.uneven_numa(), a_case(2, 4))
    assert caught.value.message == (
        "2 instances of 4 cores do not fit: NUMA node 0 has 5 usable cores, room for 1; "
        "NUMA node 1 has 3 usable cores, room for 0"
    )
    assert caught.value.hint == "use instances=1 or cores_per_instance=3 or --across-nodes"


def test_the_ways_out_fit() -> None:
    host = synthetic_hosts.uneven_numa()
    for way_out in (a_case(1, 4), a_case(2, 3), a_case(2, 4, across_nodes=True)):
        assert place(host, way_out).slots


def test_a_hopeless_request_learns_the_largest_one() -> None:
    with pytest.raises(UsageError) as caught:
        place(synthetic_hosts.two_core_vm(), a_case(9, 40))
    assert caught.value.hint == "use at most instances=2 with cores_per_instance=1"


def test_a_quota_counts_whole_cores_and_is_named_in_the_refusal() -> None:
    host = synthetic_hosts.container_with_quota(2.5)
    assert cpus_of(host, a_case(1, 2)) == [(0, 1)]
    with pytest.raises(UsageError, match=r"a CPU quota of 2\.5 leaves 2 of 8 cores"):
        place(host, a_case(3, 1))


def test_a_quota_below_one_core_still_gives_one() -> None:
    host = synthetic_hosts.container_with_quota(0.5)
    assert cpus_of(host, a_case(1, 1)) == [(0,)]


@pytest.mark.parametrize(("instances", "cores"), [(0, 1), (-1, 1), (1, 0), (1, -4)])
def test_requests_below_one_are_refused(instances: int, cores: int) -> None:
    with pytest.raises(UsageError, match=r"is (0|-\d)"):
        place(synthetic_hosts.two_core_vm(), a_case(instances, cores))


def test_a_node_without_memory_borrows_that_of_the_others() -> None:
    host = synthetic_hosts.host_of([[2, 2]], memory_nodes=(1,))
    assert [slot.nodes for slot in place(host, a_case(2, 2)).slots] == [(1,), (1,)]


def test_a_batch_beyond_memory_is_refused_with_the_largest_that_fits() -> None:
    host = synthetic_hosts.two_core_vm()
    case = replace(a_case(1, 2), batch_size=1_000_000_000)
    with pytest.raises(UsageError, match="needs about") as caught:
        refuse_batch(case, host)
    fitting = int(str(caught.value.hint).partition("BATCH_SIZE=")[2].split()[0])
    refuse_batch(replace(case, batch_size=fitting), host)
    with pytest.raises(UsageError):
        refuse_batch(replace(case, batch_size=fitting + 1), host)


def test_a_batch_beyond_the_memory_limit_of_a_container_is_refused() -> None:
    host = replace(synthetic_hosts.two_core_vm(), memory_limit_bytes=2**30)
    case = replace(a_case(1, 2), batch_size=512)
    with pytest.raises(UsageError, match=r"1\.0 may be used here"):
        refuse_batch(case, host)
    refuse_batch(case, synthetic_hosts.two_core_vm())
