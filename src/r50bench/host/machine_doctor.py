"""What a machine's own settings and state cost: heat, idle states, shared cores, AMX kept back."""

from __future__ import annotations

import ctypes
import platform
import re
from collections.abc import Iterator
from pathlib import Path

from r50bench.host.kernel_files import cpu_list_text, read_cpu_list, read_int, read_text
from r50bench.host.topology import Core, Host
from r50bench.notices import Notice

__all__ = ["examine_machine", "tile_data_granted"]

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


def examine_machine(host: Host, root: Path, tiles_granted: bool | None) -> Iterator[Notice]:
    """Yields what may hurt a measurement; nothing is said of what is unknown.

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
