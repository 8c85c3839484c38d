"""What may move the figures while the hardware stays the same: clocks, neighbours, the kernel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from r50bench.host.kernel_files import read_int, read_text, read_words
from r50bench.host.topology import Host

__all__ = ["Conditions", "read_conditions"]

_CPUS = "/sys/devices/system/cpu"


@dataclass(frozen=True)
class Conditions:
    """The settings and the load of one moment; None (or empty) is what the kernel does not show.

    ``governors`` are the different ones of the usable CPUs; frequencies are the policy's limits of
    the first of them. ``boost`` says whether clocks above the nominal one are allowed.
    ``load_average`` is that of the last minute; ``running`` counts the threads of others that ran
    or waited for a CPU at the moment of reading; both are the whole machine's, even in a container.
    ``steal_share`` is the part of all CPU time since boot that the hypervisor gave to others.
    """

    governors: tuple[str, ...] = ()
    frequency_driver: str | None = None
    frequency_min_khz: int | None = None
    frequency_max_khz: int | None = None
    boost: bool | None = None
    transparent_hugepages: str | None = None
    numa_balancing: bool | None = None
    load_average: float | None = None
    running: int | None = None
    steal_share: float | None = None


def read_conditions(host: Host, root: Path = Path("/")) -> Conditions:
    """Reads the present conditions from /proc and /sys below ``root``."""
    policy = f"{_CPUS}/cpu{host.cores[0].cpus[0]}/cpufreq"
    load_average, running = _load(root)
    balancing = read_int(root, "/proc/sys/kernel/numa_balancing")
    return Conditions(
        governors=_governors(host, root),
        frequency_driver=read_text(root, f"{policy}/scaling_driver"),
        frequency_min_khz=read_int(root, f"{policy}/scaling_min_freq"),
        frequency_max_khz=read_int(root, f"{policy}/scaling_max_freq"),
        boost=_boost(root),
        transparent_hugepages=_transparent_hugepages(root),
        # Bit 0 is the migration between nodes; bit 1, memory tiering, does not concern us.
        numa_balancing=None if balancing is None else bool(balancing & 1),
        load_average=load_average,
        running=running,
        steal_share=_steal_share(root),
    )


def _governors(host: Host, root: Path) -> tuple[str, ...]:
    cpus = [core.cpus[0] for core in host.cores]
    governors = {read_text(root, f"{_CPUS}/cpu{cpu}/cpufreq/scaling_governor") for cpu in cpus}
    return tuple(sorted(governor for governor in governors if governor))


def _boost(root: Path) -> bool | None:
    no_turbo = read_int(root, f"{_CPUS}/intel_pstate/no_turbo")
    if no_turbo is not None:
        return no_turbo == 0
    boost = read_int(root, f"{_CPUS}/cpufreq/boost")
    return None if boost is None else boost == 1


def _transparent_hugepages(root: Path) -> str | None:
    """Returns the choice in brackets of ``always [madvise] never``."""
    text = read_text(root, "/sys/kernel/mm/transparent_hugepage/enabled") or ""
    chosen = re.search(r"\[(\w+)\]", text)
    return chosen[1] if chosen else None


def _load(root: Path) -> tuple[float | None, int | None]:
    """Returns the load of the last minute, and how many threads besides this one are runnable."""
    words = read_words(root, "/proc/loadavg")
    if len(words) < 4:
        return None, None
    return float(words[0]), max(0, int(words[3].partition("/")[0]) - 1)


def _steal_share(root: Path) -> float | None:
    # proc_stat(5): user nice system idle iowait irq softirq steal; guest time is part of user.
    words = read_words(root, "/proc/stat")
    if len(words) < 9 or words[0] != "cpu":
        return None
    ticks = [int(word) for word in words[1:9]]
    return ticks[7] / sum(ticks) if sum(ticks) else None
