"""The main job: throughput, latency and accuracy of every precision this host has natively."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from r50bench.case import CaseName
from r50bench.errors import Unsupported
from r50bench.host.isa import native_precisions
from r50bench.host.topology import Host
from r50bench.measure.session import PlannedCase
from r50bench.measure.tuned_defaults import EffectiveOf, effective_cases
from r50bench.notices import Notice
from r50bench.parameters import Setting
from r50bench.planning.effective_case import EffectiveCase
from r50bench.planning.placement import place

__all__ = ["plan_main_job"]

_ORDER = ("throughput", "latency", "accuracy")


def plan_main_job(
    host: Host, settings: Mapping[str, Setting], effective_of: EffectiveOf | None = None
) -> tuple[PlannedCase, ...]:
    """Returns the cases of the main job, by precision, then throughput, latency, accuracy.

    ``effective_of`` fills in what ``settings`` leave open; by default, without what was tuned. What
    the chosen engine cannot run is left out, and a note of the first case says so.

    Raises:
        Unsupported: this CPU has none of the precisions, or the engine runs none of them.
    """
    fill_in = effective_of or effective_cases(host, tuned=False)
    precisions = native_precisions(host)
    if not precisions:
        raise Unsupported(
            f"{host.model_name} has none of the precisions r50bench measures",
            hint="AVX2 or Arm NEON is the least a CPU must have",
        )
    effective: list[EffectiveCase] = []
    refused: list[Unsupported] = []
    for precision in precisions:
        try:
            effective += [
                fill_in(CaseName("inference", mode, precision), settings) for mode in _ORDER
            ]
        except Unsupported as error:
            refused.append(error)
    if not effective:
        raise refused[0]
    notices = tuple(
        Notice("left-out", f"left out: {error.message}", error.hint or "") for error in refused
    )
    effective[0] = replace(effective[0], notices=(*notices, *effective[0].notices))
    return tuple(PlannedCase(one, place(host, one.case)) for one in effective)
