"""The cases that the original workloads run on a host."""

from __future__ import annotations

from r50bench.case import Case, CaseName
from r50bench.engines.registry import ENGINES
from r50bench.host.isa import measurable_precisions, native_precisions
from r50bench.host.topology import Host
from r50bench.precision import DEVICES

__all__ = ["designed_cases", "precisions_without_choice", "runnable_precisions"]

# What the original workloads run: every mode, and the short and the analysis case type of the two
# that measure speed.
_DESIGNED = (
    ("throughput", ""),
    ("throughput", "gated"),
    ("throughput", "pkm"),
    ("latency", ""),
    ("latency", "gated"),
    ("accuracy", ""),
)


def designed_cases(host: Host) -> tuple[CaseName, ...]:
    """Returns the cases that make sense on ``host``: those of :func:`runnable_precisions`.

    They are ordered by mode, then case type, then precision, those of the CPU before those of GPUs.
    """
    return tuple(
        CaseName("inference", mode, precision, case_type)
        for mode, case_type in _DESIGNED
        for device in DEVICES
        for precision in runnable_precisions(host, device)
    )


def runnable_precisions(host: Host, device: str) -> tuple[str, ...]:
    """Returns the native precisions of a device that the default engine has kernels for here."""
    lacking = ENGINES[Case.engine].lacking
    return tuple(name for name in native_precisions(host, device) if not lacking(host, name))


def precisions_without_choice(host: Host, device: str) -> tuple[str, ...]:
    """Returns what is run where nobody chooses: what can be, else all, whose refusal says why.

    Raises:
        Unsupported: the host has no precision of that device.
    """
    return runnable_precisions(host, device) or measurable_precisions(host, device)
