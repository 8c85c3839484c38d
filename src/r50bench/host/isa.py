"""Which precisions a CPU runs natively, and how far oneDNN may reach for each of them."""

from __future__ import annotations

from r50bench.errors import Unsupported
from r50bench.host.topology import Host
from r50bench.precision import PRECISIONS, Precision, parse_precision, precisions_by_numerics

__all__ = ["isa_cap", "native_precisions", "resolve_precision"]


def native_precisions(host: Host) -> tuple[str, ...]:
    """Returns the precisions this CPU has instructions for: fp32, bf16, bf32, int8; avx first."""
    return tuple(row.name for row in precisions_by_numerics() if _runs(row, host))


def resolve_precision(word: str, host: Host) -> str:
    """Returns the precision of :data:`.PRECISIONS` that ``word`` means on this host.

    fp32, bf16, bf32 and int8 mean the best the host has, amx before avx; a full name means itself.

    Raises:
        UsageError: the word is no precision.
        Unsupported: this CPU lacks the instructions.
    """
    name = parse_precision(word)
    candidates = [row for row in precisions_by_numerics() if name in (row.name, row.numerics.name)]
    native = [row.name for row in candidates if _runs(row, host)]
    if not native:
        raise _unsupported(name, candidates, host)
    return native[-1]


def isa_cap(precision: str, host: Host) -> str | None:
    """Returns the ONEDNN_MAX_CPU_ISA under which ``precision`` is what its name says.

    See :class:`.Precision`; None where oneDNN has no such control.
    """
    caps = PRECISIONS[precision].isa_caps
    return next((cap for flags, cap in caps if flags <= host.isa), None)


def _runs(precision: Precision, host: Host) -> bool:
    return host.arch == precision.arch and any(flags <= host.isa for flags in precision.needs)


def _unsupported(asked: str, candidates: list[Precision], host: Host) -> Unsupported:
    here = [row for row in candidates if row.arch == host.arch]
    if here:
        why = "it lacks " + ", or ".join(_lacking(row, host) for row in here)
    else:
        why = f"no precision of that kind exists for {host.arch}"
        if asked in PRECISIONS:
            why = f"{asked} is for {PRECISIONS[asked].arch}, this CPU is {host.arch}"
    native = native_precisions(host)
    return Unsupported(
        f"{host.model_name} cannot run {asked}: {why}",
        hint=f"it runs {', '.join(native)}"
        if native
        else "none of r50bench's precisions runs on this CPU",
    )


def _lacking(precision: Precision, host: Host) -> str:
    return " or ".join(" and ".join(sorted(flags - host.isa)) for flags in precision.needs)
