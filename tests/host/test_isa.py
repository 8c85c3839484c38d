from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.errors import Unsupported, UsageError
from r50bench.host.isa import (
    ARM_MACHINES,
    detect_platform,
    isa_cap,
    native_precisions,
    precisions_by_default,
    resolve_precision,
)
from r50bench.host.topology import Host
from r50bench.precision import DEVICES, PRECISIONS
from support import synthetic_hosts

TURIN = synthetic_hosts.two_core_vm()
SPR = synthetic_hosts.spr_two_sockets()
ICX = synthetic_hosts.icx_two_sockets()
HASWELL = synthetic_hosts.haswell()
GRAVITON2 = synthetic_hosts.graviton2()
GRAVITON3 = synthetic_hosts.graviton3()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (HASWELL, "avx_fp32"),
        (ICX, "avx_fp32 avx_int8"),
        (TURIN, "avx_fp32 avx_bfloat16 avx_int8"),
        (SPR, "avx_fp32 avx_bfloat16 amx_bfloat16 amx_bfloat32 avx_int8 amx_int8"),
        (GRAVITON2, "arm_fp32 arm_int8"),
        (GRAVITON3, "arm_fp32 arm_bf16 arm_int8"),
    ],
)
def test_native_precisions_follow_the_flags_in_a_stable_order(host: Host, expected: str) -> None:
    assert native_precisions(host) == tuple(expected.split())


@pytest.mark.parametrize(
    ("word", "host", "expected"),
    [
        ("fp32", SPR, "avx_fp32"),
        ("bf16", SPR, "amx_bfloat16"),
        ("bf32", SPR, "amx_bfloat32"),
        ("int8", SPR, "amx_int8"),
        ("avx_int8", SPR, "avx_int8"),
        ("bf16", TURIN, "avx_bfloat16"),
        ("AVX_BF16", TURIN, "avx_bfloat16"),
        ("int8", GRAVITON2, "arm_int8"),
        ("fp32", GRAVITON3, "arm_fp32"),
    ],
)
def test_a_word_resolves_to_the_best_of_the_host(word: str, host: Host, expected: str) -> None:
    assert resolve_precision(word, host) == expected


@pytest.mark.parametrize(
    ("word", "host", "message"),
    [
        ("amx_int8", TURIN, "AMD EPYC cannot run amx_int8: it lacks amx_int8 and amx_tile"),
        ("bf32", TURIN, "AMD EPYC cannot run bf32: it lacks amx_bf16 and amx_tile"),
        ("avx_int8", HASWELL, "it lacks avx512_vnni or avx_vnni"),
        ("bf16", ICX, "it lacks avx512_bf16, or amx_bf16 and amx_tile"),
        ("arm_bf16", GRAVITON2, "Neoverse-N1 cannot run arm_bf16: it lacks bf16"),
        ("arm_fp32", TURIN, "arm_fp32 is for aarch64, this CPU is x86_64"),
        ("bf32", GRAVITON3, "no precision of that kind exists for aarch64"),
    ],
)
def test_what_the_cpu_lacks_is_named_with_what_it_has(word: str, host: Host, message: str) -> None:
    with pytest.raises(Unsupported) as caught:
        resolve_precision(word, host)
    assert message in caught.value.message
    assert caught.value.hint == f"it runs {', '.join(native_precisions(host))}"
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (
            synthetic_hosts.spr_two_sockets(),
            ["avx_fp32", "avx_bfloat16 amx_bfloat16", "avx_int8 amx_int8"],
        ),
        (synthetic_hosts.haswell(), ["avx_fp32"]),
    ],
)
def test_the_alike_of_each_numerics_by_default_end_in_the_best(
    host: Host, expected: list[str]
) -> None:
    assert [" ".join(names) for names in precisions_by_default(host)] == expected


def test_a_cpu_without_any_precision_is_told_so() -> None:
    old = synthetic_hosts.host_of([[1]], model="westmere")
    assert native_precisions(old) == ()
    with pytest.raises(Unsupported) as caught:
        resolve_precision("fp32", old)
    assert caught.value.hint == "none of r50bench's precisions runs on this CPU"


def test_a_cpu_whose_flags_cannot_be_read_is_told_where_they_are_read() -> None:
    with pytest.raises(Unsupported, match="none of its instruction sets is known") as caught:
        resolve_precision("fp32", replace(TURIN, vendor="unknown", isa=frozenset()))
    assert "/proc/cpuinfo" in (caught.value.hint or "")


def test_an_emulated_cpu_whose_flags_are_not_told_is_sent_to_the_one_that_emulates() -> None:
    emulated = replace(TURIN, vendor="unknown", isa=frozenset(), emulated_on="Neoverse-V1")
    with pytest.raises(Unsupported) as caught:
        resolve_precision("fp32", emulated)
    assert caught.value.hint == "it is emulated on Neoverse-V1: run r50bench for that CPU"


def test_a_misspelt_precision_is_a_usage_error_on_any_host() -> None:
    with pytest.raises(UsageError, match="unknown precision"):
        resolve_precision("avx_int9", TURIN)


@pytest.mark.parametrize(
    ("host", "precision", "cap"),
    [
        (SPR, "avx_fp32", "AVX512_CORE_VNNI"),
        (SPR, "avx_int8", "AVX512_CORE_VNNI"),
        (SPR, "avx_bfloat16", "AVX512_CORE_BF16"),
        (SPR, "amx_bfloat16", "AVX512_CORE_AMX"),
        (SPR, "amx_bfloat32", "AVX512_CORE_AMX"),
        (SPR, "amx_int8", "AVX512_CORE_AMX"),
        (HASWELL, "avx_fp32", "AVX2"),
        (synthetic_hosts.alder_lake(), "avx_fp32", "AVX2"),
        (synthetic_hosts.alder_lake(), "avx_int8", "AVX2_VNNI"),
        (GRAVITON3, "arm_bf16", None),
    ],
)
def test_the_isa_cap_is_the_narrowest_that_has_the_precision(
    host: Host, precision: str, cap: str | None
) -> None:
    assert isa_cap(precision, host) == cap


def test_every_precision_is_native_somewhere() -> None:
    hosts = (synthetic_hosts.with_gpus(SPR, 1), GRAVITON3)
    native = {
        name for host in hosts for device in DEVICES for name in native_precisions(host, device)
    }
    assert native == set(PRECISIONS)


def x86(vendor: str, family: int, model: int) -> Host:
    return replace(synthetic_hosts.two_core_vm(), vendor=vendor, family=family, model=model)


def arm(name: str, *flags: str) -> Host:
    return replace(synthetic_hosts.graviton2(), model_name=name, isa=frozenset({"asimd", *flags}))


@pytest.mark.parametrize(
    ("host", "platform"),
    [
        (x86("GenuineIntel", 6, 106), "ICX"),
        (x86("GenuineIntel", 6, 108), "ICX"),
        (x86("GenuineIntel", 6, 143), "SPR"),
        (x86("GenuineIntel", 6, 207), "EMR"),
        (x86("GenuineIntel", 6, 173), "GNR"),
        (x86("GenuineIntel", 6, 174), "GNR"),
        (x86("GenuineIntel", 6, 85), "x86-64"),
        (x86("GenuineIntel", 25, 143), "x86-64"),
        (x86("AuthenticAMD", 25, 0x11), "GENOA"),
        (x86("AuthenticAMD", 25, 0xA0), "GENOA"),
        (x86("AuthenticAMD", 25, 0x01), "x86-64"),
        (x86("AuthenticAMD", 26, 0x02), "TURIN"),
        (x86("AuthenticAMD", 26, 0x11), "TURIN"),
        (x86("AuthenticAMD", 26, 0x44), "x86-64"),
        (x86("HygonGenuine", 26, 0x02), "x86-64"),
        (arm("Neoverse-N1"), "ARMv8"),
        (arm("Cortex-A72"), "ARMv8"),
        (arm("Neoverse-V1"), "ARMv9"),
        (arm("Cobalt-100 (Neoverse-N2)"), "ARMv9"),
        (arm("Neoverse-V2"), "ARMv9"),
        (arm("implementer 0x7f part 0x123", "sve2"), "ARMv9"),
        (replace(x86("unknown", 0, 0), arch="riscv64"), "riscv64"),
    ],
)
def test_a_platform_is_detected_from_the_cpu_alone(host: Host, platform: str) -> None:
    assert detect_platform(host) == platform


def test_the_machine_table_names_known_platforms() -> None:
    assert {(machine.cloud, machine.platform) for machine in ARM_MACHINES} == {
        ("AWS", "ARMv8"),
        ("AWS", "ARMv9"),
        ("GCP", "ARMv9"),
        ("AZURE", "ARMv9"),
    }
