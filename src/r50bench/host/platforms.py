"""The platforms of the original workloads, and which one a host is."""

from __future__ import annotations

from dataclasses import dataclass

from r50bench.host.topology import Host

__all__ = ["ARM_MACHINES", "CloudMachine", "detect_platform"]


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
