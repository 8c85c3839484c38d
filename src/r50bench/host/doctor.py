"""What about this host will hurt the figures, and what to type against it.

All texts live in this file and in :mod:`.machine_doctor`, each with its mend.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from r50bench.host.kernel_files import cpu_list_text
from r50bench.host.machine_doctor import examine_machine, tile_data_granted
from r50bench.host.snapshot import Conditions, read_conditions
from r50bench.host.surroundings import decides_numerics, find_tcmalloc, homeless
from r50bench.host.topology import Host, usable_cores
from r50bench.notices import Notice

__all__ = ["Notice", "examine"]

_STEAL_LIMIT = 0.01


def examine(
    host: Host,
    root: Path = Path("/"),
    environ: Mapping[str, str] = os.environ,
    *,
    understood: Collection[str] = (),
) -> tuple[Notice, ...]:
    """Returns what may hurt a measurement on ``host`` now; nothing is said of what is unknown.

    ``understood`` are the variables of ``environ`` that reach the run by another way.
    """
    now = read_conditions(host, root)
    return (
        *_clocks(now),
        *_neighbours(host, now),
        *_priority(),
        *_limits(host),
        *_memory(host, now),
        *examine_machine(host, root, _tiles_granted(root)),
        *_surroundings(host.isa, root, environ, understood),
        *homeless(environ),
    )


def _tiles_granted(root: Path) -> bool | None:
    # The kernel that runs can be asked, not one of another tree's files.
    return tile_data_granted() if root == Path("/") else None


def _clocks(now: Conditions) -> Iterator[Notice]:
    slow = [governor for governor in now.governors if governor != "performance"]
    if slow:
        yield Notice(
            "governor",
            f'frequency governor is "{", ".join(slow)}": clocks follow the load and figures spread',
            "sudo cpupower frequency-set -g performance",
        )
    if now.boost is False:
        yield Notice(
            "boost-off",
            "turbo/boost is off: the figures are those of the nominal clock, below what this CPU "
            "can do",
            "echo 0 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo (Intel), "
            "echo 1 | sudo tee /sys/devices/system/cpu/cpufreq/boost (others)",
        )


def _neighbours(host: Host, now: Conditions) -> Iterator[Notice]:
    # The load of the last minute remembers a run that has just ended: ask also who runs now.
    busy = now.load_average is not None and now.load_average > max(0.5, 0.1 * host.cores_in_machine)
    if busy and now.running:
        yield Notice(
            "load",
            f"other work is running: load average {now.load_average:g} on "
            f"{host.cores_in_machine} cores",
            "stop it (top shows what it is), or wait until it ends",
        )
    if now.steal_share is not None and now.steal_share > _STEAL_LIMIT:
        yield Notice(
            "steal",
            f"the hypervisor gave {now.steal_share:.1%} of the CPU time since boot to other guests",
            "use a dedicated or metal instance; compare only runs interleaved on this one",
        )


def _priority() -> Iterator[Notice]:
    """Workers inherit it."""
    idle = getattr(os, "SCHED_IDLE", None)
    policy = os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    if policy == idle or nice > 0:
        what = "at SCHED_IDLE" if policy == idle else f"nice {nice}"
        yield Notice(
            "low-priority",
            f"this process runs {what}: whatever else runs goes before it",
            "start it with the usual priority (renice 0, chrt --other 0)",
        )


def _limits(host: Host) -> Iterator[Notice]:
    if host.cpu_quota is not None and host.cpu_quota < len(host.cores):
        used = len(usable_cores(host))
        yield Notice(
            "cpu-quota",
            f"a CPU quota of {host.cpu_quota:g} CPUs allows {used} of {len(host.cores)} cores"
            + (", and throttles even that one" if host.cpu_quota < 1 else ""),
            f"give the container whole cores instead: docker run --cpuset-cpus 0-{used - 1}, "
            "or in Kubernetes integer CPU limits under the static CPU manager policy",
        )
    if host.set_aside:
        cpus = cpu_list_text(host.set_aside)
        yield Notice(
            "isolated-cpus",
            f"CPU {cpus} are set aside by isolcpus or nohz_full, and what is used here is not just"
            " those",
            f"taskset -c {cpus} r50bench …",
        )


def _memory(host: Host, now: Conditions) -> Iterator[Notice]:
    if now.numa_balancing and len(host.memory_nodes) > 1:
        yield Notice(
            "numa-balancing",
            "the kernel's NUMA balancing is on: it unmaps pages to sample accesses, which costs "
            "time and gains nothing for bound memory",
            "sudo sysctl kernel.numa_balancing=0",
        )


def _surroundings(
    isa: Collection[str], root: Path, environ: Mapping[str, str], understood: Collection[str]
) -> Iterator[Notice]:
    if find_tcmalloc(root) is None:
        gain = "1.5 times the throughput on AMX" if "amx_tile" in isa else "2-4 % of the throughput"
        yield Notice(
            "no-tcmalloc",
            f"tcmalloc is not installed: to engine torch it is worth {gain}",
            "sudo apt-get install libtcmalloc-minimal4 (Debian, Ubuntu), "
            "sudo dnf install gperftools-libs (Fedora, RHEL, Amazon Linux)",
        )
    ignored = sorted(name for name in environ if decides_numerics(name) and name not in understood)
    if ignored:
        yield Notice(
            "environment",
            f"set here but not passed to the workers: {', '.join(ignored)}",
            "unset what you do not mean, and give the rest to the run as CUSTOMER_ENV",
        )
