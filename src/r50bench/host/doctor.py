"""What about this host will hurt the figures, and what to type against it.

All texts live in this file, each with its mend.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from r50bench.host.allocators import find_tcmalloc
from r50bench.host.conditions import Conditions, read_conditions
from r50bench.host.numeric_variables import decides_numerics
from r50bench.host.topology import Host, usable_cores
from r50bench.parameters import PARAMETERS

__all__ = ["Finding", "examine"]

_STEAL_LIMIT = 0.01
_READ_AS_PARAMETERS = frozenset(name for one in PARAMETERS for name in one.variables)


@dataclass(frozen=True)
class Finding:
    """One thing that hurts: a word to match on, what it is and does, what to do about it."""

    code: str
    text: str
    mend: str


def examine(
    host: Host, root: Path = Path("/"), environ: Mapping[str, str] = os.environ
) -> tuple[Finding, ...]:
    """Returns what may hurt a measurement on ``host`` now; nothing is said of what is unknown."""
    now = read_conditions(host, root)
    return (
        *_clocks(now),
        *_neighbours(host, now),
        *_limits(host),
        *_memory(host, now),
        *_surroundings(root, environ),
    )


def _clocks(now: Conditions) -> Iterator[Finding]:
    slow = [governor for governor in now.governors if governor != "performance"]
    if slow:
        yield Finding(
            "governor",
            f'frequency governor is "{", ".join(slow)}": clocks follow the load and figures spread',
            "sudo cpupower frequency-set -g performance",
        )
    if now.boost is False:
        yield Finding(
            "boost-off",
            "turbo/boost is off: the figures are those of the nominal clock, below what this CPU "
            "can do",
            "echo 0 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo (Intel), "
            "echo 1 | sudo tee /sys/devices/system/cpu/cpufreq/boost (others)",
        )


def _neighbours(host: Host, now: Conditions) -> Iterator[Finding]:
    # The load of the last minute remembers a run that has just ended: ask also who runs now.
    busy = now.load_average is not None and now.load_average > max(0.5, 0.1 * host.cores_in_machine)
    if busy and now.running:
        yield Finding(
            "load",
            f"other work is running: load average {now.load_average:g} on "
            f"{host.cores_in_machine} cores",
            "stop it (top shows what it is), or wait until it ends",
        )
    if now.steal_share is not None and now.steal_share > _STEAL_LIMIT:
        yield Finding(
            "steal",
            f"the hypervisor gave {now.steal_share:.1%} of the CPU time since boot to other guests",
            "use a dedicated or metal instance; compare only runs interleaved on this one",
        )


def _limits(host: Host) -> Iterator[Finding]:
    if host.cpu_quota is not None and host.cpu_quota < len(host.cores):
        used = len(usable_cores(host))
        yield Finding(
            "cpu-quota",
            f"a CPU quota of {host.cpu_quota:g} CPUs allows {used} of {len(host.cores)} cores"
            + (", and throttles even that one" if host.cpu_quota < 1 else ""),
            f"give the container whole cores instead: docker run --cpuset-cpus 0-{used - 1}, "
            "or in Kubernetes integer CPU limits under the static CPU manager policy",
        )


def _memory(host: Host, now: Conditions) -> Iterator[Finding]:
    if now.numa_balancing and len(host.memory_nodes) > 1:
        yield Finding(
            "numa-balancing",
            "the kernel's NUMA balancing is on: it unmaps pages to sample accesses, which costs "
            "time and gains nothing for bound memory",
            "sudo sysctl kernel.numa_balancing=0",
        )


def _surroundings(root: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    if find_tcmalloc(root) is None:
        yield Finding(
            "no-tcmalloc",
            "tcmalloc is not installed: it is worth 2-4 % of the throughput",
            "sudo apt-get install libtcmalloc-minimal4 (Debian, Ubuntu), "
            "sudo dnf install gperftools-libs (Fedora, RHEL, Amazon Linux)",
        )
    ignored = sorted(
        name for name in environ if decides_numerics(name) and name not in _READ_AS_PARAMETERS
    )
    if ignored:
        yield Finding(
            "environment",
            f"set here but not passed to the workers: {', '.join(ignored)}",
            "unset what you do not mean, and give the rest to the run as CUSTOMER_ENV",
        )
