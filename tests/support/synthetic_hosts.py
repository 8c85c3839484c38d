"""Hosts that tests can have on any machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from r50bench.host.topology import Core, Gpu, Host

_AVX512 = ("avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni")
ICX_ISA = frozenset({"avx", "avx2", "fma", "f16c", *_AVX512})
TURIN_ISA = ICX_ISA | {"avx_vnni", "avx512_bf16"}
SPR_ISA = TURIN_ISA | {"avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"}
GRAVITON2_ISA = frozenset({"asimd", "fphp", "asimdhp", "asimddp", "atomics"})
GRAVITON3_ISA = GRAVITON2_ISA | {"sve", "bf16", "i8mm", "svebf16", "svei8mm"}

_MODELS = {
    "turin": ("x86_64", "AuthenticAMD", "AMD EPYC", 26, 2, TURIN_ISA),
    "spr": ("x86_64", "GenuineIntel", "Intel(R) Xeon(R) Platinum 8480+", 6, 143, SPR_ISA),
    "icx": ("x86_64", "GenuineIntel", "Intel(R) Xeon(R) Platinum 8380", 6, 106, ICX_ISA),
    "graviton2": ("aarch64", "ARM", "Neoverse-N1", 0x41, 0xD0C, GRAVITON2_ISA),
    "graviton3": ("aarch64", "ARM", "Neoverse-V1", 0x41, 0xD40, GRAVITON3_ISA),
    "alder-lake": (
        "x86_64",
        "GenuineIntel",
        "12th Gen Intel(R) Core(TM) i7-12700",
        6,
        151,
        {"avx", "avx2", "avx_vnni"},
    ),
    "westmere": ("x86_64", "GenuineIntel", "Intel(R) Xeon(R) X5680", 6, 44, set()),
    "haswell": ("x86_64", "GenuineIntel", "Intel(R) Xeon(R) E5-2690 v3", 6, 63, {"avx", "avx2"}),
}


def with_gpus(
    host: Host,
    count: int,
    *,
    nodes: Sequence[int | None] = (None,),
    name: str = "NVIDIA H100 80GB HBM3",
    capability: tuple[int, int] = (9, 0),
) -> Host:
    """Adds GPUs to a host, on ``nodes`` in turns."""
    gpus = tuple(
        Gpu(
            name=name,
            pci=f"0000:{0x10 + at:02x}:00.0",
            uuid=f"GPU-{at:08x}-made",
            capability=capability,
            memory_bytes=80 * 2**30,
            driver="580.95.05",
            cuda="13.0",
            node=nodes[at % len(nodes)],
        )
        for at in range(count)
    )
    return replace(host, gpus=gpus)


def host_of(
    nodes: Sequence[Sequence[int]],
    *,
    model: str = "turin",
    threads: int = 1,
    quota: float | None = None,
    cores_in_machine: int | None = None,
    memory_nodes: tuple[int, ...] | None = None,
) -> Host:
    """Builds a host from core counts: ``nodes[socket][i]`` cores on the socket's i-th node.

    CPUs are numbered as Linux does: the first threads of all cores, then the second ones.
    """
    arch, vendor, name, family, number, isa = _MODELS[model]
    total = sum(sum(socket) for socket in nodes)
    places = [
        (sum(len(before) for before in nodes[:socket]) + index, socket)
        for socket, counts in enumerate(nodes)
        for index, count in enumerate(counts)
        for _ in range(count)
    ]
    cores = tuple(
        Core(cpus=tuple(range(first, total * threads, total)), node=node, socket=socket)
        for first, (node, socket) in enumerate(places)
    )
    return Host(
        arch=arch,
        vendor=vendor,
        model_name=name,
        family=family,
        model=number,
        isa=frozenset(isa),
        sockets=len({core.socket for core in cores}),
        cores=cores,
        cores_in_machine=cores_in_machine or total,
        cpu_quota=quota,
        l3_bytes=2**25,
        memory_bytes=2**36,
        memory_nodes=(
            tuple(sorted({core.node for core in cores})) if memory_nodes is None else memory_nodes
        ),
    )


def two_core_vm() -> Host:
    """Two Zen 5 cores on one node."""
    return host_of([[2]])


def two_smt_cores() -> Host:
    """The first socket of the machine in the fixture ``tree``: two cores with two threads each."""
    return replace(two_core_vm(), cores=(Core((0, 4), 0, 0), Core((1, 5), 0, 0)))


def spr_two_sockets() -> Host:
    """2 × 56 cores with SMT, one node a socket."""
    return host_of([[56], [56]], model="spr", threads=2)


def spr_snc4() -> Host:
    """2 × 56 cores with SMT, four nodes a socket."""
    return host_of([[14] * 4] * 2, model="spr", threads=2)


def uneven_numa() -> Host:
    """One socket whose nodes have 5 and 3 usable cores."""
    return host_of([[5, 3]])


def container_with_quota(quota: float = 2.5) -> Host:
    """Eight cores of one node, of which the cgroup's bandwidth limit pays for ``quota``."""
    return host_of([[8]], quota=quota)


def icx_two_sockets() -> Host:
    """2 × 40 cores with SMT: AVX-512 VNNI, neither bfloat16 nor AMX."""
    return host_of([[40], [40]], model="icx", threads=2)


def graviton2() -> Host:
    """64 Neoverse N1 cores, no SMT."""
    return host_of([[64]], model="graviton2")


def graviton3() -> Host:
    """64 Neoverse V1 cores, no SMT."""
    return host_of([[64]], model="graviton3")


def haswell() -> Host:
    """Four cores that have AVX2 and nothing newer."""
    return host_of([[4]], model="haswell")


def alder_lake() -> Host:
    """Eight cores with AVX2 and its VNNI, no AVX-512."""
    return host_of([[8]], model="alder-lake", threads=2)
