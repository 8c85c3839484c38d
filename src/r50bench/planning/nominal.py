"""A typical machine of every platform, for listing the cases of a platform one does not sit at.

A nominal host is a data sheet, not a measurement: the named model in a fully populated board as it
leaves the factory, with every core usable. Nothing that is measured may be derived from one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from r50bench.errors import UsageError, did_you_mean
from r50bench.host.isa import ARM_MACHINES
from r50bench.host.topology import Core, Host

__all__ = ["PLATFORMS", "nominal_host", "platform_named"]

_MIB, _GIB = 2**20, 2**30

_X86 = "avx avx2 fma f16c avx512f avx512cd avx512bw avx512dq avx512vl avx512_vnni"
_SPR = f"{_X86} avx_vnni avx512_bf16 avx512_fp16 amx_tile amx_int8 amx_bf16"
_ARM = "asimd fphp asimdhp asimddp atomics"


@dataclass(frozen=True)
class _Model:
    """``nodes`` are those of one socket, ``l3_mib`` is one L3, ``identity`` family and model."""

    name: str
    vendor: str
    identity: tuple[int, int]
    sockets: int
    cores: int
    isa: str
    nodes: int = 1
    threads: int = 2
    l3_mib: int = 32
    memory_gib: int = 512


# Cores, caches, threads: the makers' product pages (Intel ARK, AMD EPYC 9004/9005 tables, AWS
# instance types). A Granite Rapids 6900P socket has three compute dies and leaves the factory in
# SNC3; the others leave it with one node a socket (SNC off, NPS1). AMD's L3 is that of one complex.
_MODELS = {
    "ICX": _Model("Intel Xeon Platinum 8380", "GenuineIntel", (6, 106), 2, 40, _X86, l3_mib=60),
    "SPR": _Model("Intel Xeon Platinum 8480+", "GenuineIntel", (6, 143), 2, 56, _SPR, l3_mib=105),
    "EMR": _Model("Intel Xeon Platinum 8592+", "GenuineIntel", (6, 207), 2, 64, _SPR, l3_mib=320),
    "GNR": _Model(
        "Intel Xeon 6980P",
        "GenuineIntel",
        (6, 173),
        2,
        128,
        f"{_SPR} amx_fp16",
        nodes=3,
        l3_mib=504,
    ),
    "GENOA": _Model("AMD EPYC 9654", "AuthenticAMD", (25, 0x11), 2, 96, f"{_X86} avx512_bf16"),
    "TURIN": _Model(
        "AMD EPYC 9755", "AuthenticAMD", (26, 0x02), 2, 128, f"{_X86} avx_vnni avx512_bf16"
    ),
    "ARMv8": _Model(
        "Neoverse-N1 (AWS Graviton2, m6g.16xlarge)",
        "ARM",
        (0x41, 0xD0C),
        1,
        64,
        _ARM,
        threads=1,
        memory_gib=256,
    ),
    "ARMv9": _Model(
        "Neoverse-V1 (AWS Graviton3, m7g.16xlarge)",
        "ARM",
        (0x41, 0xD40),
        1,
        64,
        f"{_ARM} sve bf16 i8mm svebf16 svei8mm",
        threads=1,
        memory_gib=256,
    ),
}

_NEWER_ARMS = ("graviton4", "m8g", "axion", "c4a")
"""Arm machines that the workload's table does not name, or not so."""

PLATFORMS = tuple(_MODELS)
"""The platforms that have a nominal host."""


def nominal_host(platform: str) -> Host:
    """Returns the nominal host of a platform, in any of the words of :func:`platform_named`.

    Raises:
        UsageError: there is no such platform.
    """
    name = platform_named(platform)
    model = _MODELS[name]
    cores = _cores(model)
    return Host(
        arch="aarch64" if model.vendor == "ARM" else "x86_64",
        vendor=model.vendor,
        model_name=model.name,
        family=model.identity[0],
        model=model.identity[1],
        isa=frozenset(model.isa.split()),
        sockets=model.sockets,
        cores=cores,
        cores_in_machine=len(cores),
        cpu_quota=None,
        l3_bytes=model.l3_mib * _MIB,
        memory_bytes=model.memory_gib * _GIB,
        memory_nodes=tuple(range(model.sockets * model.nodes)),
    )


def platform_named(text: str) -> str:
    """Returns the platform of a name, or of a machine of :data:`.ARM_MACHINES` (Graviton3, m7g).

    Raises:
        UsageError: there is no such platform.
    """
    machines = {
        word.strip().lower(): machine.platform
        for machine in ARM_MACHINES
        for word in re.split(r"[/()]", machine.machine)
    }
    known: dict[str, str] = {name.lower(): name for name in PLATFORMS}
    known |= {machine.machine.lower(): machine.platform for machine in ARM_MACHINES}
    known |= machines | dict.fromkeys(_NEWER_ARMS, "ARMv9")
    word = text.strip().lower()
    if word in known:
        return known[word]
    raise UsageError(
        f"unknown platform {text!r}",
        hint=did_you_mean(text.strip(), [*PLATFORMS, *filter(None, machines), *_NEWER_ARMS])
        or f"known: {', '.join(PLATFORMS)}",
    )


def _cores(model: _Model) -> tuple[Core, ...]:
    """Numbers CPUs as Linux does: all cores' first threads, socket by socket, then the second."""
    total = model.sockets * model.cores
    return tuple(
        Core(
            cpus=tuple(range(core, total * model.threads, total)),
            # Cores that do not divide evenly go to the first nodes: 128 over 3 are 43, 43, 42.
            node=socket * model.nodes + core % model.cores * model.nodes // model.cores,
            socket=socket,
        )
        for core in range(total)
        for socket in [core // model.cores]
    )
