"""What about this host will hurt the figures, and what to type against it.

All texts live in this file, each with its mend; those about GPUs in :mod:`.gpu_doctor`, those about
memory modules in :mod:`.memory_modules`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from r50bench.host.kernel_files import cpu_list_text, read_cpu_list, read_int, read_text
from r50bench.host.snapshot import Conditions, read_conditions
from r50bench.host.surroundings import decides_numerics, find_tcmalloc, homeless
from r50bench.host.topology import Core, Host, usable_cores
from r50bench.notices import Notice

__all__ = ["Notice", "examine", "examine_machine", "tile_data_granted"]

_STEAL_LIMIT = 0.01
_PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG = 1, 2  # <linux/prctl.h>

_CPUS = "/sys/devices/system/cpu"

_DEEP_US = 100
"""Intel's C6 takes 130 to 290 µs to leave (intel_idle's tables), C1 and C1E 1 to 10."""

_AMX_MODELS = frozenset({0x8F, 0xCF, 0xAD, 0xAE})
"""Sapphire, Emerald and Granite Rapids (Linux, arch/x86/include/asm/intel-family.h)."""

_AMX_LINUX = (5, 16)
"""The first Linux that saves tiles at a switch of tasks (Documentation/arch/x86/xstate.rst)."""

_SYS_ARCH_PRCTL, _ARCH_GET_XCOMP_SUPP, _XTILEDATA = 158, 0x1021, 18  # <asm/prctl.h>


def tile_data_granted() -> bool | None:
    """Says whether this kernel grants AMX's tiles to any process; None where it does not answer."""
    if platform.machine() != "x86_64":
        return None
    features = ctypes.c_uint64()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SYS_ARCH_PRCTL, _ARCH_GET_XCOMP_SUPP, ctypes.byref(features)) != 0:
        return None
    return bool(features.value >> _XTILEDATA & 1)


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
        *_emulation(host),
        *_clocks(now),
        *_neighbours(host, now),
        *_priority(),
        *_limits(host),
        *_memory(host, now),
        *examine_machine(host, root, _tiles_granted(root)),
        *_surroundings(host.isa, root, environ, understood),
        *homeless(environ),
        *(_outliving() if root == Path("/") else ()),
    )


def _tiles_granted(root: Path) -> bool | None:
    # The kernel that runs can be asked, not one of another tree's files.
    return tile_data_granted() if root == Path("/") else None


def _emulation(host: Host) -> Iterator[Notice]:
    if host.emulated_on:
        yield Notice(
            "emulated",
            f"{host.arch} is emulated here on {host.emulated_on}: answers are those of the real"
            " instructions, figures of speed say nothing of any CPU",
            "measure on the real one; on this machine take its own Python or container image",
        )


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


def _outliving() -> Iterator[Notice]:
    """Children have what this process has of a sandbox: it is asked to set what is set already."""
    library, now = ctypes.CDLL(None, use_errno=True), ctypes.c_int()
    library.prctl(_PR_GET_PDEATHSIG, ctypes.byref(now), 0, 0, 0)
    if library.prctl(_PR_SET_PDEATHSIG, now.value, 0, 0, 0) != 0:
        why = os.strerror(ctypes.get_errno()).lower()
        yield Notice(
            "outliving-children",
            f"a sandbox forbids prctl(PR_SET_PDEATHSIG) ({why}): should r50bench be killed by "
            "SIGKILL, its workers go on until they have done what they were told, and compilers to "
            "their end",
            "a profile that allows prctl; Ctrl-C and SIGTERM leave nothing behind all the same",
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


def examine_machine(host: Host, root: Path, tiles_granted: bool | None) -> Iterator[Notice]:
    """Yields what a machine's own settings and state cost; nothing is said of what is unknown.

    ``tiles_granted`` is :func:`tile_data_granted`'s answer.
    """
    yield from _heat(host, root)
    yield from _idle_states(host, root)
    yield from _huge_pages(root)
    yield from _shared_threads(host, root)
    yield from _amx(host, root, tiles_granted)


def _heat(host: Host, root: Path) -> Iterator[Notice]:
    counts = [
        read_int(root, f"{_CPUS}/cpu{core.cpus[0]}/thermal_throttle/core_throttle_count") or 0
        for core in host.cores
    ]
    if sum(counts):
        hot = sum(1 for count in counts if count)
        yield Notice(
            "throttled",
            f"{hot} of {len(counts)} cores have been slowed down for heat since boot,"
            f" {sum(counts)} times in all",
            "look after cooling and power limits (sudo turbostat shows both), and compare only runs"
            " between which the count did not grow",
        )


def _idle_states(host: Host, root: Path) -> Iterator[Notice]:
    folder = f"{_CPUS}/cpu{host.cores[0].cpus[0]}/cpuidle"
    deepest = 0
    for number in range(16):
        latency = read_int(root, f"{folder}/state{number}/latency")
        if latency is not None and not read_int(root, f"{folder}/state{number}/disable"):
            deepest = max(deepest, latency)
    if deepest >= _DEEP_US:
        yield Notice(
            "deep-idle",
            f"idle cores may sleep so deeply that waking takes {deepest} µs, which single queries"
            " wait for",
            f"sudo cpupower idle-set -D {_DEEP_US - 1}",
        )


def _huge_pages(root: Path) -> Iterator[Notice]:
    choice = read_text(root, "/sys/kernel/mm/transparent_hugepage/enabled") or ""
    if "[never]" in choice:
        yield Notice(
            "no-huge-pages",
            "transparent huge pages are switched off: weights lie in pages of 4 KiB, and the TLB"
            " misses them more often",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
        )


def _shared_threads(host: Host, root: Path) -> Iterator[Notice]:
    """Yields what others may do on a core of ours without any counter showing it."""
    shared = [core for core in host.cores if _threads_of_others(core, root)]
    if shared:
        others = cpu_list_text(cpu for core in shared for cpu in _threads_of_others(core, root))
        yield Notice(
            "shared-threads",
            f"{len(shared)} of {len(host.cores)} cores have a second thread that this process may"
            f" not use (CPU {others}): whoever has it slows the core down, and no counter tells",
            "whole cores, with both threads (taskset, docker run --cpuset-cpus), or SMT off:"
            " echo off | sudo tee /sys/devices/system/cpu/smt/control",
        )


def _threads_of_others(core: Core, root: Path) -> frozenset[int]:
    folder = f"{_CPUS}/cpu{core.cpus[0]}"
    threads = read_cpu_list(root, f"{folder}/topology/thread_siblings_list")
    return (threads & read_cpu_list(root, f"{_CPUS}/online")) - frozenset(core.cpus)


def _amx(host: Host, root: Path, tiles_granted: bool | None) -> Iterator[Notice]:
    if "amx_tile" in host.isa:
        if tiles_granted is False:
            yield Notice(
                "amx-refused",
                "the CPU has AMX and this kernel grants its tiles to no process",
                "a Linux of 5.16 or newer without 'clearcpuid=amx_tile'; in a sandbox, one that"
                " passes arch_prctl on",
            )
        return
    if host.vendor != "GenuineIntel" or host.family != 6 or host.model not in _AMX_MODELS:
        return
    release = _release(root)
    why, mend = "the hypervisor or the kernel's command line hides it", "a guest with -cpu host"
    if release is not None and release < _AMX_LINUX:
        why, mend = "Linux {}.{} knows nothing of it".format(*release), "Linux 5.16 or newer"
    yield Notice("amx-hidden", f"this CPU has AMX, and {why}", mend)


def _release(root: Path) -> tuple[int, int] | None:
    match = re.match(r"(\d+)\.(\d+)", read_text(root, "/proc/sys/kernel/osrelease") or "")
    return None if match is None else (int(match[1]), int(match[2]))
