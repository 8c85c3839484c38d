from __future__ import annotations

import struct

import pytest

from r50bench.host.cpuinfo import read_cpuinfo
from r50bench.host.isa import detect_platform, native_precisions
from r50bench.host.topology import read_host
from support.machine_tree import CPUINFO_GRAVITON3, CPUINFO_SPR, MachineTree

V8 = "fp asimd evtstrm aes crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs"
V1 = f"{V8} sve asimdfhm ilrcpc flagm paca pacg svei8mm svebf16 i8mm bf16 dgh rng"
V9 = f"{V1} sve2 sveaes svebitperm frint bti"
ALL = "arm_fp32 arm_bf16 arm_int8"


def cpuinfo(implementer: int, part: int, features: str) -> str:
    return (
        f"processor\t: 0\nBogoMIPS\t: 2000.00\nFeatures\t: {features}\n"
        f"CPU implementer\t: {implementer:#04x}\nCPU architecture: 8\nCPU variant\t: 0x0\n"
        f"CPU part\t: {part:#05x}\nCPU revision\t: 1\n"
    )


@pytest.mark.parametrize(
    ("maker", "midr", "features", "name", "platform", "precisions"),
    [
        ("Amazon EC2", (0x41, 0xD0C), V8, "Graviton2 (Neoverse-N1)", "ARMv8", "arm_fp32 arm_int8"),
        ("Amazon EC2", (0x41, 0xD40), V1, "Graviton3 (Neoverse-V1)", "ARMv9", ALL),
        ("Amazon EC2", (0x41, 0xD4F), V9, "Graviton4 (Neoverse-V2)", "ARMv9", ALL),
        ("Google", (0x41, 0xD4F), V9, "Axion (Neoverse-V2)", "ARMv9", ALL),
        ("Microsoft Corporation", (0x6D, 0xD49), V9, "Cobalt-100 (Neoverse-N2)", "ARMv9", ALL),
        # Ampere's Altra is of the same core as Graviton2, Alibaba's Yitian 710 as Cobalt 100.
        ("Microsoft Corporation", (0x41, 0xD0C), V8, "Neoverse-N1", "ARMv8", "arm_fp32 arm_int8"),
        ("Alibaba Cloud", (0x41, 0xD49), V9, "Neoverse-N2", "ARMv9", ALL),
        ("", (0x41, 0xD08), "fp asimd crc32 cpuid", "Cortex-A72", "ARMv8", "arm_fp32"),
    ],
)
def test_a_cloud_s_cpu_is_known_by_its_midr_and_the_machine_s_maker(
    tree: MachineTree,
    maker: str,
    midr: tuple[int, int],
    features: str,
    name: str,
    platform: str,
    precisions: str,
) -> None:
    tree.write("/proc/cpuinfo", cpuinfo(*midr, features))
    tree.write("/sys/class/dmi/id/sys_vendor", f"{maker}\n")
    host = read_host(tree.root)
    assert (host.arch, host.model_name, detect_platform(host)) == ("aarch64", name, platform)
    assert (host.family, host.model) == midr
    assert native_precisions(host) == tuple(precisions.split())


def program_for(tree: MachineTree, machine: int) -> None:
    """Writes the first bytes of an ELF program that this process would be."""
    exe = tree.root / "proc/self/exe"
    exe.parent.mkdir(parents=True, exist_ok=True)
    exe.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine))


def told_by_the_loader(tree: MachineTree, words: dict[int, int]) -> None:
    pairs = b"".join(struct.pack("<QQ", *pair) for pair in (*words.items(), (0, 0)))
    (tree.root / "proc/self/auxv").write_bytes(pairs)


X86_64, AARCH64 = 62, 183
HWCAP, HWCAP2 = 16, 26


def test_an_emulated_arm_has_the_flags_its_loader_was_told_and_none_of_the_emulating_cpu(
    tree: MachineTree,
) -> None:
    tree.write("/proc/cpuinfo", CPUINFO_SPR)
    program_for(tree, AARCH64)
    told_by_the_loader(tree, {6: 4096, HWCAP: 1 << 1 | 1 << 20 | 1 << 11, HWCAP2: 1 << 14 | 1 << 0})
    host = read_host(tree.root)
    assert (host.arch, host.model_name) == ("aarch64", "emulated aarch64 CPU")
    assert host.emulated_on == "Intel(R) Xeon(R) Platinum 8480+"
    assert host.isa == {"asimd", "asimddp", "bf16"}
    assert native_precisions(host) == ("arm_fp32", "arm_bf16", "arm_int8")


@pytest.mark.parametrize("auxv", [None, b"", b"cut off"])
def test_an_emulated_arm_whose_flags_cannot_be_read_has_none(
    tree: MachineTree, auxv: bytes | None
) -> None:
    tree.write("/proc/cpuinfo", CPUINFO_SPR)
    program_for(tree, AARCH64)
    if auxv is not None:
        (tree.root / "proc/self/auxv").write_bytes(auxv)
    assert read_cpuinfo(tree.root).flags == frozenset()


def test_an_emulator_with_a_cpuinfo_of_its_own_is_known_by_the_kernel_s_architecture(
    tree: MachineTree,
) -> None:
    tree.write("/proc/cpuinfo", CPUINFO_GRAVITON3)
    tree.write("/proc/sys/kernel/arch", "x86_64\n")
    program_for(tree, AARCH64)
    info = read_cpuinfo(tree.root)
    assert (info.model_name, info.emulated_on) == ("Neoverse-V1", "an x86_64 CPU")


@pytest.mark.parametrize(
    ("text", "machine", "kernel"),
    [(CPUINFO_SPR, X86_64, "x86_64"), (CPUINFO_GRAVITON3, AARCH64, "aarch64")],
)
def test_a_program_of_the_kernel_s_own_architecture_is_not_emulated(
    tree: MachineTree, text: str, machine: int, kernel: str
) -> None:
    tree.write("/proc/cpuinfo", text)
    tree.write("/proc/sys/kernel/arch", kernel)
    program_for(tree, machine)
    assert read_cpuinfo(tree.root).emulated_on == ""


def test_an_x86_program_on_arm_is_not_taken_for_arm(tree: MachineTree) -> None:
    tree.write("/proc/cpuinfo", CPUINFO_GRAVITON3)
    program_for(tree, X86_64)
    host = read_host(tree.root)
    assert (host.arch, host.isa, host.emulated_on) == ("x86_64", frozenset(), "Neoverse-V1")
