"""The cases that the original workloads run on a host."""

from __future__ import annotations

from r50bench.case import Case, CaseName
from r50bench.engines.registry import ENGINES
from r50bench.host.isa import native_precisions
from r50bench.host.topology import Host
from r50bench.precision import DEVICES

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

    Precisions of GPUs are among them where the default engine can use these.
    They are ordered by mode, then case type, then precision, those of the CPU before those of GPUs.
    """
    return tuple(
        CaseName("inference", mode, precision, case_type)
        for mode, case_type in _DESIGNED
        for device in DEVICES
        for precision in native_precisions(host, device)
        if device == "cpu" or not ENGINES[Case.engine].lacking(host, precision)
    )
