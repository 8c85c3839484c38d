"""What about the GPUs of this host will hurt their figures, and what to type against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from r50bench.host.topology import Gpu, GpuState
from r50bench.notices import Notice
from r50bench.wording import counted

__all__ = ["examine_gpus"]


def examine_gpus(gpus: Sequence[Gpu], states: Sequence[GpuState]) -> tuple[Notice, ...]:
    """Returns what may hurt a measurement on ``gpus`` in these states, in their order.

    Nothing is said of what the driver does not tell.
    """
    return tuple(
        notice
        for gpu, state in zip(gpus, states, strict=True)
        for notice in (*_settings(gpu, state), *_moment(gpu, state))
    )


def _settings(gpu: Gpu, state: GpuState) -> Iterator[Notice]:
    if state.persistence is False:
        yield Notice(
            "gpu-persistence",
            f"persistence mode of GPU {gpu.pci} is off: the driver forgets clocks and settings, and"
            " starts anew, whenever nobody uses it",
            f"sudo nvidia-smi -i {gpu.pci} -pm 1",
        )
    if _below(state.set_clock_mhz, state.max_clock_mhz):
        yield Notice(
            "gpu-clocks",
            f"clocks of GPU {gpu.pci} are set to {state.set_clock_mhz} MHz at most, of"
            f" {state.max_clock_mhz}",
            f"sudo nvidia-smi -i {gpu.pci} -rac, and -rgc where they were locked",
        )
    if _below(state.power_limit_w, state.default_power_limit_w):
        yield Notice(
            "gpu-power-limit",
            f"power of GPU {gpu.pci} is limited to {state.power_limit_w:g} W, of"
            f" {state.default_power_limit_w:g}",
            f"sudo nvidia-smi -i {gpu.pci} -pl {state.default_power_limit_w:g}",
        )
    if state.ecc is False:
        yield Notice(
            "gpu-ecc",
            f"error correction of GPU {gpu.pci}'s memory is off: figures are those of such a"
            " machine, and a wrong bit goes unnoticed",
            f"sudo nvidia-smi -i {gpu.pci} -e 1, and start the machine again",
        )
    if gpu.partitioned:
        yield Notice(
            "gpu-partitioned",
            f"GPU {gpu.pci} is split into instances (MIG): the figures are those of one of them",
            f"sudo nvidia-smi -i {gpu.pci} -mig 0",
        )


def _moment(gpu: Gpu, state: GpuState) -> Iterator[Notice]:
    if state.slowdowns:
        yield Notice(
            "gpu-slowed",
            f"GPU {gpu.pci} runs below its clocks: {', '.join(state.slowdowns)}",
            "cool it, or raise its power limit (nvidia-smi -q -d PERFORMANCE,POWER,TEMPERATURE)",
        )
    if state.processes:
        yield Notice(
            "gpu-busy",
            f"{counted(state.processes, 'process', 'processes')} of others on GPU {gpu.pci}",
            "wait until they end (nvidia-smi shows them)",
        )


def _below(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value < limit
