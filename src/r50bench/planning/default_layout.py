"""How many instances of how many cores a case gets where it does not say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from r50bench.host.topology import Host, cores_by_node, usable_cores
from r50bench.planning.placement import most_instances

__all__ = ["LATENCY_CORES", "cores_of_one_instance", "instances_and_cores"]

LATENCY_CORES = 4
"""Cores per instance in latency mode, as the original workloads have it."""


def cores_of_one_instance(host: Host, style: str, across_nodes: bool) -> int:
    """Returns the default cores per instance.

    ``style`` latency gives :data:`LATENCY_CORES`, or the largest node's cores where that is less;
    throughput gives a NUMA node to each instance, or a socket with ``across_nodes``. Of uneven
    nodes that size is taken which leaves the fewest cores idle at one instance per node.
    """
    nodes = [len(cores) for cores in cores_by_node(host).values()]
    if style == "latency":
        return min(LATENCY_CORES, sum(nodes) if across_nodes else max(nodes))
    if across_nodes:
        return _most_used(Counter(core.socket for core in usable_cores(host)).values())
    return _most_used(nodes)


def instances_and_cores(
    host: Host,
    *,
    instances: int | None,
    cores: int | None,
    default_cores: int,
    across_nodes: bool,
) -> tuple[int, int]:
    """Returns (instances, cores per instance), filling in what is None.

    Without ``instances``: as many as fit. Without ``cores``: the default, or the most with which
    that many instances fit. What cannot fit at all is returned as it was asked, for
    :func:`r50bench.planning.placement.place` to refuse with the ways out.
    """
    if cores is None:
        wanted = instances or 1
        cores = next(
            (
                size
                for size in range(default_cores, 0, -1)
                if most_instances(host, size, across_nodes) >= wanted
            ),
            1,
        )
    if instances is None:
        instances = max(1, most_instances(host, cores, across_nodes))
    return instances, cores


def _most_used(sizes: Iterable[int]) -> int:
    """Returns the size that uses most cores when every group that has as many gives that many."""
    groups = list(sizes)
    return max(groups, key=lambda size: (size * sum(1 for other in groups if other >= size), size))
