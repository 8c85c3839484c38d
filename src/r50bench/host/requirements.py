"""What full runs ask of a host beside what hurts their figures, and what this one has of it.

The workloads that r50bench stands in for ask for Sapphire Rapids or newer where a case is one of
AMX, recommend 512 GB of memory and take 1 TB of disk; what r50bench itself takes is less.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from r50bench.host.kernel_files import read_text
from r50bench.host.topology import Host

__all__ = ["Requirement", "requirements"]

_RECOMMENDED_BYTES = 512 * 10**9
_INSTANCE_BYTES = 340 << 20
"""The proportional set of an fp32 instance of engine torch at batch 8 (benchmarks/weight_sharing.py
measures it), the largest of all precisions."""

_DISK_BYTES = 12 * 10**9
"""ImageNet's 50,000 pictures as 224 × 224 × 3 bytes are 7.5e9, and the models of all precisions and
engines some 2e9; the rest is room for records."""

_GIGA = 1e9


@dataclass(frozen=True)
class Requirement:
    """One thing that is asked: by whom and how much, what is here, and what brings the rest.

    ``met`` is None where this host cannot be asked; ``mend`` is empty where nothing is missing.
    """

    what: str
    asked: str
    here: str
    met: bool | None
    mend: str = ""


def requirements(
    host: Host, cache: Path, root: Path = Path("/"), *, tiles_granted: bool | None = None
) -> tuple[Requirement, ...]:
    """Returns what full runs ask of ``host`` whose results go to the folder ``cache``.

    ``tiles_granted`` is :func:`.doctor.tile_data_granted`'s answer.
    """
    return (
        *_amx(host, tiles_granted),
        *_memory(host),
        *_threads(host, root),
        *_disk(cache),
    )


def _amx(host: Host, tiles_granted: bool | None) -> Iterator[Requirement]:
    asked = "for amx_* cases Sapphire Rapids or newer, and Linux 5.16 or newer"
    if host.arch != "x86_64":
        return
    if "amx_tile" not in host.isa:
        mend = (
            "a Xeon of Sapphire Rapids or newer; in a virtual machine -cpu host. Else avx_* cases"
        )
        yield Requirement("AMX", asked, f"{host.model_name} shows none", False, mend)
    elif tiles_granted is False:
        here = "in the CPU, and granted to no process"
        yield Requirement("AMX", asked, here, False, "what the finding amx-refused says")
    else:
        yield Requirement("AMX", asked, "yes", True)


def _memory(host: Host) -> Iterator[Requirement]:
    usable = host.usable_memory_bytes
    if not usable:
        return
    needed = _INSTANCE_BYTES * len(host.cores)
    asked = (
        f"{_RECOMMENDED_BYTES / _GIGA:.0f} GB recommended for full runs;"
        f" {needed / _GIGA:.1f} GB for an instance on each core"
    )
    enough = usable >= needed
    mend = "" if enough else "more --cores-per-instance, --weight-sharing, or more memory"
    yield Requirement("memory", asked, f"{usable / _GIGA:.0f} GB", enough, mend)


def _threads(host: Host, root: Path) -> Iterator[Requirement]:
    state = read_text(root, "/sys/devices/system/cpu/smt/control")
    if state is None:
        return
    if state in ("off", "forceoff", "notsupported", "notimplemented"):
        here = "off" if state.endswith("off") else "this CPU has none, or hides it"
        yield Requirement("SMT", "second threads left idle, or off", here, True)
        return
    here = f"on: {max(len(core.cpus) for core in host.cores)} threads a core for this process"
    yield Requirement(
        "SMT",
        "second threads left idle, or off",
        here,
        None,
        "r50bench leaves them idle; keep others off them too, or echo off | sudo tee"
        " /sys/devices/system/cpu/smt/control",
    )


def _disk(cache: Path) -> Iterator[Requirement]:
    try:
        place = next(one for one in (cache, *cache.parents) if one.is_dir())
        free = shutil.disk_usage(place).free
    except (OSError, StopIteration):
        return
    asked = f"{_DISK_BYTES / _GIGA:.0f} GB for ImageNet and all models (the former workloads: 1 TB)"
    enough = free >= _DISK_BYTES
    mend = "" if enough else "R50BENCH_CACHE names a folder on a larger disk"
    yield Requirement("disk", asked, f"{free / _GIGA:.0f} GB free in {place}", enough, mend)
