"""One instance for each GPU, on CPUs of its own NUMA node: pure functions of host and case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from r50bench.case import Case, Placement, Slot
from r50bench.errors import UsageError
from r50bench.host.topology import Core, Host, usable_cores
from r50bench.wording import counted

if TYPE_CHECKING:
    from r50bench.host.topology import Gpu

__all__ = ["GPU_CORES", "gpu_cores", "gpu_instances", "place_on_gpus", "refuse_gpu_batch"]

GPU_CORES = 2
"""Cores of an instance on a GPU where there are enough: one gives the GPU its work and waits for
it, the other is for what the libraries do beside."""


def gpu_instances(host: Host) -> int:
    """Returns one instance for each GPU that may be used."""
    return len(host.gpus)


def gpu_cores(host: Host, instances: int) -> int:
    """Returns the default cores of an instance, so that all of ``instances`` have as many."""
    return max(1, min(GPU_CORES, len(usable_cores(host)) // max(1, instances)))


def place_on_gpus(host: Host, case: Case) -> Placement:
    """Gives every instance of the case a GPU of its own, and CPUs near it.

    Those of the GPU's NUMA node are taken from its end; where the node is not known, or has too
    few left, whatever is free.

    Raises:
        UsageError: there are fewer GPUs or cores than the instances need.
    """
    wanted, size = case.instances, case.cores_per_instance
    if wanted < 1:
        raise UsageError(f"instances is {wanted}", hint="a case needs at least 1 instance")
    if wanted > len(host.gpus):
        raise UsageError(
            f"{counted(wanted, 'instance')} on {counted(len(host.gpus), 'GPU')}: each instance has"
            " a GPU of its own",
            hint=f"use at most instances={len(host.gpus)}",
        )
    cores = usable_cores(host)
    if size < 1 or wanted * size > len(cores):
        raise UsageError(
            f"{counted(wanted, 'instance')} of {counted(size, 'core')} on GPUs"
            f" {'does' if wanted == 1 else 'do'} not fit:"
            f" {counted(len(cores), 'core')} may be used",
            hint=f"use cores_per_instance={gpu_cores(host, wanted)}",
        )
    free = list(cores)
    slots = []
    for instance, gpu in enumerate(host.gpus[:wanted]):
        places = _near(free, gpu, size)
        slots.append(_slot(host, instance, tuple(free[at] for at in places), gpu))
        free = [core for at, core in enumerate(free) if at not in places]
    return Placement(tuple(slots), tuple(core.cpus[0] for core in free))


def _near(free: Sequence[Core], gpu: Gpu, size: int) -> list[int]:
    """Returns where the last ``size`` free cores of the GPU's node are, or others as well."""
    near = [at for at, core in enumerate(free) if core.node == gpu.node]
    far = [at for at, core in enumerate(free) if core.node != gpu.node]
    return sorted((far + near)[-size:])


def _slot(host: Host, instance: int, cores: tuple[Core, ...], gpu: Gpu) -> Slot:
    nodes = {core.node for core in cores}
    bindable = nodes & set(host.memory_nodes) or set(host.memory_nodes) or nodes
    cpus = tuple(core.cpus[0] for core in cores)
    return Slot(instance, cpus, tuple(sorted(bindable)), gpu.pci)


def refuse_gpu_batch(case: Case, host: Host, bytes_per_picture: int) -> None:
    """Refuses a batch whose float32 activations alone are larger than a GPU's memory.

    Raises:
        UsageError: it is; the hint says what fits.
    """
    memory = min((gpu.memory_bytes for gpu in host.gpus[: case.instances]), default=0)
    fitting = memory // bytes_per_picture
    if memory and case.batch_size > fitting:
        raise UsageError(
            f"a batch of {case.batch_size} needs about"
            f" {case.batch_size * bytes_per_picture / 2**30:,.1f} GiB of GPU memory, and"
            f" {memory / 2**30:,.1f} are there",
            hint=f"at most BATCH_SIZE={fitting} fits",
        )
