"""How many instances of how many cores, and on which CPUs: pure functions of host and case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from r50bench.case import Case, Placement, Slot
from r50bench.errors import UsageError
from r50bench.host.topology import Core, Host, cores_by_node, usable_cores
from r50bench.wording import counted

__all__ = [
    "LATENCY_CORES",
    "cores_of_one_instance",
    "instances_and_cores",
    "most_instances",
    "place",
    "refuse_batch",
]

# A residual block holds three activations of (256, 56, 56) at once, the network's largest beside
# the stem's, which is alone; the picture is (3, 224, 224). All in float32.
_BYTES_PER_PICTURE = (3 * 256 * 56 * 56 + 3 * 224 * 224) * 4


def most_instances(host: Host, cores_per_instance: int, across_nodes: bool = False) -> int:
    """Returns how many instances of so many cores fit, each within one node unless told otherwise.

    Raises:
        UsageError: ``cores_per_instance`` is less than one.
    """
    if cores_per_instance < 1:
        raise UsageError(
            f"cores_per_instance is {cores_per_instance}", hint="an instance needs at least 1 core"
        )
    if across_nodes:
        return len(usable_cores(host)) // cores_per_instance
    return sum(len(cores) // cores_per_instance for cores in cores_by_node(host).values())


def place(host: Host, case: Case) -> Placement:
    """Gives every instance of the case its cores.

    Instances lie within one NUMA node; with ``case.across_nodes`` they may straddle nodes, and
    sockets, where they would not fit otherwise. They are spread evenly over the groups, and within
    a group take contiguous cores from its end, so that CPU 0, where the kernel's housekeeping and
    the parent process run, is left over first. On GPUs see :func:`.place_on_gpus`.

    Raises:
        UsageError: the instances do not fit; says how many would.
    """
    host = host.with_slow_cores(case.slow_cores)
    if case.device == "cuda":
        from r50bench.planning.gpu_placement import place_on_gpus

        return place_on_gpus(host, case)
    wanted, size = case.instances, case.cores_per_instance
    if wanted < 1:
        raise UsageError(f"instances is {wanted}", hint="a case needs at least 1 instance")
    if most_instances(host, size, case.across_nodes) < wanted:
        raise _does_not_fit(host, case)
    cores = usable_cores(host)
    groupings: list[list[tuple[Core, ...]]] = [list(cores_by_node(host).values())]
    if case.across_nodes:
        groupings.append([tuple(group) for _, group in groupby(cores, lambda core: core.socket)])
        groupings.append([cores])
    groups = next(
        groups for groups in groupings if sum(len(group) // size for group in groups) >= wanted
    )
    taken = _deal(groups, size, wanted)
    slots = tuple(_slot(host, instance, own) for instance, own in enumerate(taken))
    busy = {cpu for slot in slots for cpu in slot.cpus}
    return Placement(slots, tuple(core.cpus[0] for core in cores if core.cpus[0] not in busy))


def refuse_batch(case: Case, host: Host) -> None:
    """Refuses a batch whose float32 activations alone are larger than the memory.

    Raises:
        UsageError: it is; the hint says what fits.
    """
    if case.device == "cuda":
        from r50bench.planning.gpu_placement import refuse_gpu_batch

        refuse_gpu_batch(case, host, _BYTES_PER_PICTURE)
        return
    memory = host.usable_memory_bytes
    if not memory:
        return
    fitting = memory // (case.instances * _BYTES_PER_PICTURE)
    if case.batch_size > fitting:
        needed = case.batch_size * case.instances * _BYTES_PER_PICTURE
        raise UsageError(
            f"a batch of {case.batch_size} in each of {case.instances} instances needs about "
            f"{needed / 2**30:,.1f} GiB of memory, and {memory / 2**30:,.1f} may be used here",
            hint=f"at most BATCH_SIZE={fitting} fits" if fitting else "use fewer instances",
        )


def _deal(groups: Sequence[tuple[Core, ...]], size: int, wanted: int) -> list[tuple[Core, ...]]:
    """Deals ``wanted`` instances of ``size`` cores to the groups that have most cores free.

    Between groups that have as many, the one with fewer instances comes first, then the one on the
    emptier socket. The caller has checked that there is room.
    """
    counts = [0] * len(groups)
    free = [len(group) for group in groups]
    free_on_socket = Counter(core.socket for group in groups for core in group)
    for _ in range(wanted):
        best = max(
            range(len(groups)),
            key=lambda index: (
                free[index],
                -counts[index],
                free_on_socket[groups[index][0].socket],
                -index,
            ),
        )
        counts[best] += 1
        free[best] -= size
        free_on_socket[groups[best][0].socket] -= size
    return [
        group[start : start + size]
        for group, count in zip(groups, counts, strict=True)
        for start in range(len(group) - count * size, len(group), size)
    ]


def _slot(host: Host, instance: int, cores: tuple[Core, ...]) -> Slot:
    nodes = {core.node for core in cores}
    # A node without memory of its own cannot be bound to: take any that has some.
    bindable = nodes & set(host.memory_nodes) or set(host.memory_nodes) or nodes
    return Slot(instance, tuple(core.cpus[0] for core in cores), tuple(sorted(bindable)))


def _does_not_fit(host: Host, case: Case) -> UsageError:
    wanted, size = case.instances, case.cores_per_instance
    message = (
        f"{counted(wanted, 'instance')} of {counted(size, 'core')} "
        f"{'does' if wanted == 1 else 'do'} not fit: {_describe_nodes(host, size)}"
    )
    if host.cpu_quota is not None and len(usable_cores(host)) < len(host.cores):
        message += (
            f" (a CPU quota of {host.cpu_quota:g} leaves {len(usable_cores(host))} "
            f"of {len(host.cores)} cores)"
        )
    return UsageError(message, hint=f"use {_ways_out(host, case)}")


def _describe_nodes(host: Host, size: int) -> str:
    """Says how many cores the nodes have and how many instances that is, alike ones together."""
    alike: dict[int, list[int]] = {}
    for node, cores in cores_by_node(host).items():
        alike.setdefault(len(cores), []).append(node)
    parts = []
    for cores_each, nodes in alike.items():
        if len(nodes) == 1:
            who = f"NUMA node {nodes[0]} has"
        else:
            who = f"NUMA nodes {', '.join(map(str, nodes))} each have"
        parts.append(f"{who} {counted(cores_each, 'usable core')}, room for {cores_each // size}")
    return "; ".join(parts)


def _ways_out(host: Host, case: Case) -> str:
    """Returns the nearest requests that do fit, in the words of the command line."""
    wanted, size = case.instances, case.cores_per_instance
    ways = []
    fitting = most_instances(host, size, case.across_nodes)
    if fitting:
        ways.append(f"instances={fitting}")
    smaller = next(
        (
            cores
            for cores in range(min(size - 1, len(host.cores)), 0, -1)
            if most_instances(host, cores, case.across_nodes) >= wanted
        ),
        None,
    )
    if smaller:
        ways.append(f"cores_per_instance={smaller}")
    if not case.across_nodes and most_instances(host, size, across_nodes=True) >= wanted:
        ways.append("--across-nodes")
    if not ways:
        ways.append(f"at most instances={len(usable_cores(host))} with cores_per_instance=1")
    return " or ".join(ways)


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
