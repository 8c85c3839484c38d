"""The main job: throughput, latency and accuracy of every precision this host has natively."""

from __future__ import annotations

from collections.abc import Mapping

from r50bench.case import MODES, CaseName
from r50bench.errors import Unsupported
from r50bench.host.defaults import effective_case
from r50bench.host.isa import native_precisions
from r50bench.host.placement import place
from r50bench.host.topology import Host
from r50bench.measure.session import PlannedCase
from r50bench.parameters import Setting

__all__ = ["plan_main_job"]


def plan_main_job(host: Host, settings: Mapping[str, Setting]) -> tuple[PlannedCase, ...]:
    """Returns the cases of the main job, by precision, then throughput, latency, accuracy.

    Raises:
        Unsupported: this CPU has none of the precisions.
    """
    precisions = native_precisions(host)
    if not precisions:
        raise Unsupported(
            f"{host.model_name} has none of the precisions r50bench measures",
            hint="AVX2 or Arm NEON is the least a CPU must have",
        )
    order = sorted(MODES, key=("throughput", "latency", "accuracy").index)
    planned = []
    for precision in precisions:
        for mode in order:
            effective = effective_case(CaseName("inference", mode, precision), settings, host)
            planned.append(PlannedCase(effective, place(host, effective.case)))
    return tuple(planned)
