"""Which precisions a CPU runs natively, and how far oneDNN may reach for each of them."""

from __future__ import annotations

from dataclasses import dataclass

from r50bench.case import NUMERICS, PRECISIONS, numerics_of, parse_precision
from r50bench.errors import Unsupported
from r50bench.host.topology import Host

__all__ = ["isa_cap", "native_precisions", "resolve_precision"]


@dataclass(frozen=True)
class _Needs:
    """The architecture a precision belongs to, and sets of kernel flags any one of which will do.

    The sets are those that oneDNN's dispatcher (on Arm: Arm Compute Library's) asks for before it
    takes the instructions that the precision is named after.
    """

    arch: str
    flags: tuple[frozenset[str], ...]


def _needs(arch: str, *alternatives: str) -> _Needs:
    return _Needs(arch, tuple(frozenset(words.split()) for words in alternatives))


_NEEDS = {
    "avx_fp32": _needs("x86_64", "avx2"),
    "avx_bfloat16": _needs("x86_64", "avx512_bf16"),
    "avx_int8": _needs("x86_64", "avx512_vnni", "avx_vnni"),
    "amx_bfloat16": _needs("x86_64", "amx_tile amx_bf16"),
    "amx_bfloat32": _needs("x86_64", "amx_tile amx_bf16"),
    "amx_int8": _needs("x86_64", "amx_tile amx_int8"),
    "arm_fp32": _needs("aarch64", "asimd"),
    "arm_bf16": _needs("aarch64", "bf16"),
    "arm_int8": _needs("aarch64", "asimddp", "i8mm"),
}
# fp32, bf16, bf32, int8; within one of them avx before amx, as PRECISIONS lists them.
_STABLE_ORDER = sorted(PRECISIONS, key=lambda name: NUMERICS.index(numerics_of(name)))

# What oneDNN calls AVX512_CORE: Linux flags of AVX-512 F, BW, DQ and VL.
_AVX512_CORE = frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl"})


def native_precisions(host: Host) -> tuple[str, ...]:
    """Returns the precisions this CPU has instructions for: fp32, bf16, bf32, int8; avx first."""
    return tuple(name for name in _STABLE_ORDER if _runs(name, host))


def resolve_precision(word: str, host: Host) -> str:
    """Returns the precision of :data:`r50bench.case.PRECISIONS` that ``word`` means on this host.

    fp32, bf16, bf32 and int8 mean the best the host has, amx before avx; a full name means itself.

    Raises:
        UsageError: the word is no precision.
        Unsupported: this CPU lacks the instructions.
    """
    name = parse_precision(word)
    if name in PRECISIONS:
        if _runs(name, host):
            return name
        raise _unsupported(name, [name], host)
    candidates = [precision for precision in _STABLE_ORDER if numerics_of(precision) == name]
    native = [precision for precision in candidates if _runs(precision, host)]
    if not native:
        raise _unsupported(name, candidates, host)
    return native[-1]


def isa_cap(precision: str, host: Host) -> str | None:
    """Returns the ONEDNN_MAX_CPU_ISA under which ``precision`` is what its name says.

    The cap keeps avx names from using AMX, and stops at the narrowest set that has the precision's
    own instructions: a lower one gives emulation (bfloat16 under AVX512_CORE_VNNI), a higher one
    other kernels. Values: oneDNN developer guide, "CPU Dispatcher Control". None on Arm, where
    oneDNN has no such control.
    """
    if _NEEDS[precision].arch != "x86_64":
        return None
    if precision.startswith("amx_"):
        return "AVX512_CORE_AMX"
    if precision == "avx_bfloat16":
        return "AVX512_CORE_BF16"
    if host.isa >= _AVX512_CORE:
        return "AVX512_CORE_VNNI"
    return "AVX2_VNNI" if precision == "avx_int8" else "AVX2"


def _runs(precision: str, host: Host) -> bool:
    needs = _NEEDS[precision]
    return host.arch == needs.arch and any(flags <= host.isa for flags in needs.flags)


def _unsupported(asked: str, candidates: list[str], host: Host) -> Unsupported:
    here = [name for name in candidates if _NEEDS[name].arch == host.arch]
    if here:
        why = "it lacks " + ", or ".join(_lacking(name, host) for name in here)
    else:
        why = f"no precision of that kind exists for {host.arch}"
        if candidates == [asked]:
            why = f"{asked} is for {_NEEDS[asked].arch}, this CPU is {host.arch}"
    native = native_precisions(host)
    return Unsupported(
        f"{host.model_name} cannot run {asked}: {why}",
        hint=f"it runs {', '.join(native)}"
        if native
        else "none of r50bench's precisions runs on this CPU",
    )


def _lacking(precision: str, host: Host) -> str:
    return " or ".join(" and ".join(sorted(flags - host.isa)) for flags in _NEEDS[precision].flags)
