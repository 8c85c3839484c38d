"""What /proc/cpuinfo says of the CPU, on x86-64 and on 64-bit Arm.

Arm's kernel prints no name but the fields of MIDR_EL1 (Arm Architecture Reference Manual,
"MIDR_EL1, Main ID Register"); the tables here give the names that belong to them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ISA_FLAGS", "CpuInfo", "read_cpuinfo"]

_X86_FLAGS = """
    avx avx2 fma f16c avx_vnni avx512f avx512cd avx512bw avx512dq avx512vl
    avx512_vnni avx512_bf16 avx512_fp16 amx_tile amx_int8 amx_bf16 amx_fp16
"""  # Linux, arch/x86/include/asm/cpufeatures.h
_ARM_FLAGS = """
    asimd fphp asimdhp asimddp atomics sve sve2 bf16 i8mm svebf16 svei8mm sme sme2
"""  # Linux, Documentation/arch/arm64/elf_hwcaps.rst
ISA_FLAGS = frozenset([*_X86_FLAGS.split(), *_ARM_FLAGS.split()])
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


@dataclass(frozen=True)
class CpuInfo:
    """The first processor of /proc/cpuinfo.

    ``arch`` is x86_64, aarch64 or whatever else uname(2) calls the machine. On Arm ``family`` is
    the MIDR implementer, ``model`` the part number and ``stepping`` the variant and revision as
    ``rXpY``. ``flags`` are all the kernel's flags, not only :data:`ISA_FLAGS`. What the kernel does
    not say is None (0 for the two numbers).
    """

    arch: str
    vendor: str
    model_name: str
    family: int
    model: int
    stepping: str | None
    microcode: str | None
    flags: frozenset[str]


def read_cpuinfo(root: Path) -> CpuInfo:
    """Reads the first processor of /proc/cpuinfo below ``root``."""
    fields = _first_processor(root)
    return _arm(fields) if "CPU implementer" in fields else _x86(fields)


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


def _arm(fields: dict[str, str]) -> CpuInfo:
    implementer = _number(fields.get("CPU implementer"))
    part = _number(fields.get("CPU part"))
    vendor = _IMPLEMENTERS.get(implementer, f"implementer {implementer:#04x}")
    variant, revision = fields.get("CPU variant"), fields.get("CPU revision")
    known = variant is not None and revision is not None
    return CpuInfo(
        arch="aarch64",
        vendor=vendor,
        model_name=_PARTS.get((implementer, part), f"{vendor} part {part:#05x}"),
        family=implementer,
        model=part,
        stepping=f"r{_number(variant)}p{_number(revision)}" if known else None,
        microcode=None,
        flags=frozenset(fields.get("Features", "").split()),
    )


def _number(text: str | None) -> int:
    """Reads a decimal or 0x number; 0 where the kernel says nothing or ``unknown``."""
    try:
        return int(text or "0", 0)
    except ValueError:
        return 0
