"""What a host calls itself, which precisions it runs natively, and how far oneDNN may reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from r50bench.errors import Unsupported
from r50bench.host.topology import Host, cores_by_node, usable_cores
from r50bench.precision import (
    NUMERICS,
    PRECISIONS,
    Precision,
    means,
    no_such_numerics,
    parse_precision,
    precisions_by_numerics,
)
from r50bench.wording import counted

__all__ = [
    "ARM_MACHINES",
    "CloudMachine",
    "describe_host",
    "detect_platform",
    "isa_cap",
    "measurable_precisions",
    "native_precisions",
    "precisions_by_default",
    "resolve_precision",
]

Lacking = Callable[[Host, str], str]
"""What a host lacks for a precision, as a clause; empty where nothing."""


@dataclass(frozen=True)
class CloudMachine:
    """A cloud machine type and the platform it belongs to."""

    cloud: str
    machine: str
    platform: str


ARM_MACHINES = (
    CloudMachine("AWS", "Graviton2/m6g", "ARMv8"),
    CloudMachine("AWS", "Graviton3/m7g", "ARMv9"),
    CloudMachine("GCP", "c4a-standard", "ARMv9"),
    CloudMachine("AZURE", "Dpsv6 (Cobalt 100)", "ARMv9"),
)
"""The machine table of the ARM workload.

Cobalt 100 is built of Neoverse N2 cores, which are Armv9.0. Graviton3's Neoverse V1 is Armv8.4 with
SVE; the table files it under ARMv9 and so do we.
"""

# Linux, arch/x86/include/asm/intel-family.h, all of family 6.
_INTEL_MODELS = {106: "ICX", 108: "ICX", 143: "SPR", 207: "EMR", 173: "GNR", 174: "GNR"}
# Linux, arch/x86/kernel/cpu/amd.c: (family, models) of the server parts. Desktop and mobile parts
# of the same core share the family, and are no EPYC.
_AMD_MODELS = {
    (25, range(0x10, 0x20)): "GENOA",
    (25, range(0xA0, 0xB0)): "GENOA",
    (26, range(0x20)): "TURIN",
}
# Names of host.cpuinfo: Neoverse V1 as ARM_MACHINES has it, the others because they are Armv9
# whether or not the kernel or the hypervisor shows sve2.
_ARMV9_CORES = ("Neoverse-V1", "Neoverse-N2", "Neoverse-V2", "Neoverse-N3", "Neoverse-V3")


def detect_platform(host: Host) -> str:
    """Returns ICX, SPR, EMR, GNR, GENOA, TURIN, ARMv8 or ARMv9.

    Other hosts get a neutral name: ``x86-64``, or whatever the kernel calls the architecture.
    """
    if host.arch == "aarch64":
        newer = "sve2" in host.isa or any(core in host.model_name for core in _ARMV9_CORES)
        return "ARMv9" if newer else "ARMv8"
    if host.vendor == "GenuineIntel" and host.family == 6 and host.model in _INTEL_MODELS:
        return _INTEL_MODELS[host.model]
    if host.vendor == "AuthenticAMD":
        for (family, models), platform in _AMD_MODELS.items():
            if host.family == family and host.model in models:
                return platform
    return "x86-64" if host.arch == "x86_64" else host.arch


def describe_host(host: Host) -> str:
    """Returns one line such as ``TURIN: AMD EPYC 9755 · 1 socket, 2 of 2 cores, 1 NUMA node``."""
    usable, nodes = len(usable_cores(host)), len(cores_by_node(host))
    line = (
        f"{detect_platform(host)}: {host.model_name} · {counted(host.sockets, 'socket')}, "
        f"{usable} of {counted(host.cores_in_machine, 'core')}, {counted(nodes, 'NUMA node')}"
    )
    names = [gpu.name for gpu in host.gpus]
    alike = ", ".join(f"{names.count(name)} × {name}" for name in dict.fromkeys(names))
    return f"{line} · {alike}" if alike else line


def native_precisions(host: Host, device: str = "cpu") -> tuple[str, ...]:
    """Returns the precisions that this CPU, or every GPU here, has instructions for.

    They are in the order of their numerics, avx before amx.
    """
    rows = precisions_by_numerics()
    return tuple(row.name for row in rows if row.device == device and _runs(row, host))


def measurable_precisions(host: Host, device: str = "cpu") -> tuple[str, ...]:
    """Returns the native precisions of a device where nobody names one.

    Raises:
        Unsupported: there are none; it says what the CPU lacks, or why there is no GPU.
    """
    native = native_precisions(host, device)
    if not native and device == "cuda":
        resolve_precision(next(iter(NUMERICS)), host, device)  # refuses, and says why
    if not native:
        raise Unsupported(
            f"{host.model_name} has none of the precisions r50bench measures",
            hint="AVX2 or Arm NEON is the least a CPU must have",
        )
    return native


def precisions_by_default(host: Host, device: str = "cpu") -> list[tuple[str, ...]]:
    """Returns the native precisions of each numerics that is measured where none is asked.

    Of those of one numerics the best by name is last; what the host has none of is left out.
    """
    native = native_precisions(host, device)
    numerics = (row.name for row in NUMERICS.values() if row.by_default)
    alike = (tuple(name for name in native if means(kind, name)) for kind in numerics)
    return [names for names in alike if names]


def resolve_precision(
    word: str, host: Host, device: str = "cpu", lacking: Lacking = lambda host, name: ""
) -> str:
    """Returns the precision of :data:`.PRECISIONS` that ``word`` means on this host.

    fp32, bf16 and so on mean the best that ``device`` has, amx before avx; a full name means
    itself, whatever the device. A refusal names the others that the CPU has instructions for, but
    for those for which ``lacking`` says that more is needed.

    Raises:
        UsageError: the word is no precision.
        Unsupported: this CPU, or a GPU here, lacks the instructions, or there is no GPU.
    """
    name = parse_precision(word)
    if name in PRECISIONS:
        device = PRECISIONS[name].device
    rows = precisions_by_numerics()
    candidates = [row for row in rows if row.device == device and means(name, row.name)]
    if not candidates:
        raise no_such_numerics(name, device)
    native = [row.name for row in candidates if _runs(row, host)]
    if native:
        return native[-1]
    others = [row for row in native_precisions(host) if not lacking(host, row)]
    if device == "cuda":
        raise _no_gpu_for(candidates[-1], host, others)
    raise _unsupported(name, candidates, host, others)


def isa_cap(precision: str, host: Host) -> str | None:
    """Returns the ONEDNN_MAX_CPU_ISA under which ``precision`` is what its name says.

    See :class:`.Precision`; None where oneDNN has no such control.
    """
    caps = PRECISIONS[precision].isa_caps
    return next((cap for flags, cap in caps if flags <= host.isa), None)


def _runs(precision: Precision, host: Host) -> bool:
    if precision.gpu is not None:
        least = precision.gpu.capability
        return bool(host.gpus) and all(gpu.capability >= least for gpu in host.gpus)
    return host.arch == precision.arch and any(flags <= host.isa for flags in precision.needs)


def _unsupported(
    asked: str, candidates: list[Precision], host: Host, others: list[str]
) -> Unsupported:
    here = [row for row in candidates if row.arch == host.arch]
    if here:
        why = "it lacks " + ", or ".join(_lacking(row, host) for row in here)
    else:
        why = f"no precision of that kind exists for {host.arch}"
        if asked in PRECISIONS:
            why = f"{asked} is for {PRECISIONS[asked].arch}, this CPU is {host.arch}"
    if host.vendor == "unknown" and not host.isa:
        return Unsupported(
            f"{host.model_name} cannot run {asked}: none of its instruction sets is known",
            hint=f"it is emulated on {host.emulated_on}: run r50bench for that CPU"
            if host.emulated_on
            else "/proc/cpuinfo cannot be read: show it to the container (bwrap: --proc /proc)",
        )
    return Unsupported(
        f"{host.model_name} cannot run {asked}: {why}",
        hint=f"it runs {', '.join(others)}"
        if others
        else "none of r50bench's precisions runs on this CPU",
    )


def _no_gpu_for(precision: Precision, host: Host, others: list[str]) -> Unsupported:
    if not host.gpus:
        return Unsupported(
            f"{precision.name} runs on a GPU, and {host.no_gpus or 'this host shows none'}",
            hint=f"take a precision of this CPU: {', '.join(others)}",
        )
    assert precision.gpu is not None
    least = ".".join(map(str, precision.gpu.capability))
    older = next(gpu for gpu in host.gpus if gpu.capability < precision.gpu.capability)
    return Unsupported(
        f"{older.name} has no {precision.numerics.name} in hardware: its compute capability is "
        f"{'.'.join(map(str, older.capability))}, and {least} is the first with it",
        hint=f"it runs {', '.join(native_precisions(host, 'cuda')) or 'none of the precisions'}",
    )


def _lacking(precision: Precision, host: Host) -> str:
    return " or ".join(" and ".join(sorted(flags - host.isa)) for flags in precision.needs)
