"""The cases that the original workloads run on a host."""

from __future__ import annotations

from r50bench.case import CaseName
from r50bench.host.isa import native_precisions
from r50bench.host.topology import Host

__all__ = ["designed_cases"]

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
    """Returns the cases that make sense on ``host``: those of every precision it runs natively.

    They are ordered by mode, then case type, then precision.
    """
    return tuple(
        CaseName("inference", mode, precision, case_type)
        for mode, case_type in _DESIGNED
        for precision in native_precisions(host)
    )
