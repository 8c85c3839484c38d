"""What /proc/cpuinfo says of the CPU, and what is so where it speaks of another one.

Arm's has no name but the fields of MIDR_EL1 (Arm Architecture Reference Manual, "MIDR_EL1, Main ID
Register"); the tables here give the names that belong to them.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from r50bench.host.kernel_files import elf_machine, read_text

__all__ = ["ISA_FLAGS", "CpuInfo", "read_cpuinfo"]

_X86_FLAGS = """
    avx avx2 fma f16c avx_vnni avx512f avx512cd avx512bw avx512dq avx512vl
    avx512_vnni avx512_bf16 avx512_fp16 amx_tile amx_int8 amx_bf16 amx_fp16
"""  # Linux, arch/x86/include/asm/cpufeatures.h
# By name, the word of the auxiliary vector and the bit in it: Linux,
# Documentation/arch/arm64/elf_hwcaps.rst, arch/arm64/include/uapi/asm/hwcap.h.
_AT_HWCAP, _AT_HWCAP2 = 16, 26
_ARM_FLAGS = {
    "asimd": (_AT_HWCAP, 1),
    "atomics": (_AT_HWCAP, 8),
    "fphp": (_AT_HWCAP, 9),
    "asimdhp": (_AT_HWCAP, 10),
    "asimddp": (_AT_HWCAP, 20),
    "sve": (_AT_HWCAP, 22),
    "sve2": (_AT_HWCAP2, 1),
    "svei8mm": (_AT_HWCAP2, 9),
    "svebf16": (_AT_HWCAP2, 12),
    "i8mm": (_AT_HWCAP2, 13),
    "bf16": (_AT_HWCAP2, 14),
    "sme": (_AT_HWCAP2, 23),
    "sme2": (_AT_HWCAP2, 37),
}
ISA_FLAGS = frozenset([*_X86_FLAGS.split(), *_ARM_FLAGS])
"""Flag names of the kernel's that decide which kernels an engine can use."""

_IMPLEMENTERS = {
    0x41: "ARM",
    0x43: "Cavium",
    0x46: "Fujitsu",
    0x48: "HiSilicon",
    0x4E: "NVIDIA",
    0x51: "Qualcomm",
    0x61: "Apple",
    0x6D: "Microsoft",
    0xC0: "Ampere",
}
_PARTS = {
    # Linux, arch/arm64/include/asm/cputype.h
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD07): "Cortex-A57",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD40): "Neoverse-V1",
    (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4F): "Neoverse-V2",
    (0x41, 0xD84): "Neoverse-V3",
    (0x41, 0xD8E): "Neoverse-N3",
    (0x46, 0x001): "A64FX",
    (0x48, 0xD01): "TSV110",
    (0x6D, 0xD49): "Cobalt-100 (Neoverse-N2)",
    (0xC0, 0xAC3): "Ampere-1",
    (0xC0, 0xAC4): "Ampere-1A",
}
# The clouds' own CPUs carry Arm's MIDR. By core and the maker of the machine (DMI), from the
# clouds' pages on their machine types.
_CLOUD_CPUS = {
    ("Neoverse-N1", "Amazon EC2"): "Graviton2",
    ("Neoverse-V1", "Amazon EC2"): "Graviton3",
    ("Neoverse-V2", "Amazon EC2"): "Graviton4",
    ("Neoverse-V2", "Google"): "Axion",
}


@dataclass(frozen=True)
class CpuInfo:
    """The first processor of /proc/cpuinfo.

    ``arch`` is x86_64, aarch64 or whatever else uname(2) calls the machine. On Arm ``family`` is
    the MIDR implementer, ``model`` the part number and ``stepping`` the variant and revision as
    ``rXpY``. ``flags`` are all the kernel's flags, not only :data:`ISA_FLAGS`. What the kernel does
    not say is None (0 for the two numbers). ``emulated_on`` names the CPU that emulates this one,
    empty where none does.
    """

    arch: str
    vendor: str
    model_name: str
    family: int
    model: int
    stepping: str | None
    microcode: str | None
    flags: frozenset[str]
    emulated_on: str = ""


def read_cpuinfo(root: Path) -> CpuInfo:
    """Reads the first processor of /proc/cpuinfo below ``root``.

    A program for another architecture than the kernel's runs under an emulator, such as QEMU's in
    user mode, of which some leave the kernel's own file as it is: then nothing of it counts but the
    name of the CPU that emulates.
    """
    fields = _first_processor(root)
    shown = _arm(fields, root) if "CPU implementer" in fields else _x86(fields)
    program = elf_machine(root / "proc/self/exe")
    if program is None or not fields:
        return shown
    if program != shown.arch:
        return _emulated(program, shown.model_name, root)
    kernel = read_text(root, "/proc/sys/kernel/arch")
    if kernel is not None and kernel != program:
        return replace(shown, emulated_on=f"an {kernel} CPU")
    return shown


def _first_processor(root: Path) -> dict[str, str]:
    """Returns the first block alone: the kernel writes the file as it is read, CPU by CPU."""
    fields: dict[str, str] = {}
    try:
        with (root / "proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if not line.strip() and fields:
                    break
                key, _, value = line.partition(":")
                fields[key.strip()] = value.strip()
    except OSError:
        return {}
    return fields


def _x86(fields: dict[str, str]) -> CpuInfo:
    vendor = fields.get("vendor_id", "unknown")
    return CpuInfo(
        arch="x86_64" if "vendor_id" in fields else os.uname().machine,
        vendor=vendor,
        model_name=" ".join(fields.get("model name", "").split()) or f"{vendor} CPU",
        family=_number(fields.get("cpu family")),
        model=_number(fields.get("model")),
        stepping=fields.get("stepping"),
        microcode=fields.get("microcode"),
        flags=frozenset(fields.get("flags", "").split()),
    )


def _arm(fields: dict[str, str], root: Path) -> CpuInfo:
    implementer = _number(fields.get("CPU implementer"))
    part = _number(fields.get("CPU part"))
    vendor = _IMPLEMENTERS.get(implementer, f"implementer {implementer:#04x}")
    core = _PARTS.get((implementer, part), f"{vendor} part {part:#05x}")
    maker = read_text(root, "/sys/class/dmi/id/sys_vendor") or ""
    product = _CLOUD_CPUS.get((core, maker))
    variant, revision = fields.get("CPU variant"), fields.get("CPU revision")
    known = variant is not None and revision is not None
    return CpuInfo(
        arch="aarch64",
        vendor=vendor,
        model_name=f"{product} ({core})" if product else core,
        family=implementer,
        model=part,
        stepping=f"r{_number(variant)}p{_number(revision)}" if known else None,
        microcode=None,
        flags=frozenset(fields.get("Features", "").split()),
    )


def _emulated(arch: str, on: str, root: Path) -> CpuInfo:
    return CpuInfo(
        arch=arch,
        vendor="unknown",
        model_name=f"emulated {arch} CPU",
        family=0,
        model=0,
        stepping=None,
        microcode=None,
        flags=_flags_of_auxiliary_vector(root) if arch == "aarch64" else frozenset(),
        emulated_on=on,
    )


def _flags_of_auxiliary_vector(root: Path) -> frozenset[str]:
    """Returns those of Arm's flags that the loader was told: no file but this is ever another's."""
    words: dict[int, int] = {}
    with suppress(OSError, struct.error):
        words.update(struct.iter_unpack("<QQ", (root / "proc/self/auxv").read_bytes()))
    return frozenset(
        name for name, (word, bit) in _ARM_FLAGS.items() if words.get(word, 0) >> bit & 1
    )


def _number(text: str | None) -> int:
    """Reads a decimal or 0x number; 0 where the kernel says nothing or ``unknown``."""
    try:
        return int(text or "0", 0)
    except ValueError:
        return 0
