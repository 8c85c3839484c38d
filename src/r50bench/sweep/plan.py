"""What a sweep will measure: the points of its grid on one host, and what makes them comparable."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from r50bench.case import Case, CaseName
from r50bench.errors import R50BenchError, Unsupported, UsageError
from r50bench.host.isa import resolve_precision
from r50bench.host.snapshot import host_identity, versions
from r50bench.host.topology import Host
from r50bench.parameters import PARAMETERS, Setting, asked_device
from r50bench.planning.effective_case import EffectiveCase, effective_case
from r50bench.sweep.grid import Assignment

__all__ = [
    "SCHEMA_VERSION",
    "SweepPlan",
    "SweepPoint",
    "plan_sweep",
    "refuse_axes",
]

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class SweepPoint:
    """One point: what was set for it, and the case that comes to; ``refused`` says why none does.

    ``name`` is that of the case, with the precision as it was asked where there is no case.
    """

    name: str
    assignment: Assignment
    effective: EffectiveCase | None
    refused: str | None = None

    @property
    def mode(self) -> str:
        """The mode of the case, also where this host cannot run it."""
        return CaseName.parse(self.name).mode

    @property
    def precision(self) -> str:
        """The precision of the case; as it was asked where this host cannot run it."""
        return CaseName.parse(self.name).precision

    @property
    def case(self) -> Case | None:
        """The case, None where this host cannot run it."""
        return None if self.effective is None else self.effective.case

    @property
    def others(self) -> Assignment:
        """What was set for it beside the parts of its name and what has a column in tables."""
        told = {row.key for row in PARAMETERS if row.in_name or row.label}
        return tuple((key, text) for key, text in self.assignment if key not in told)


@dataclass(frozen=True)
class SweepPlan:
    """A whole sweep, as its folder keeps it.

    Every point is measured ``passes`` times, once in each pass; ``seed`` shuffles their order.
    ``host`` and ``versions`` must still be the same when the sweep is resumed.
    """

    points: tuple[SweepPoint, ...]
    passes: int
    seed: int
    host: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION


def refuse_axes(assignments: Iterable[Assignment]) -> None:
    """Raises UsageError where a parameter takes several values that no sweep may compare."""
    why_not = {row.key: row.unswept for row in PARAMETERS if row.unswept}
    seen: dict[str, str] = {}
    for assignment in assignments:
        for key, text in assignment:
            if key in why_not and seen.setdefault(key, text) != text:
                raise UsageError(f"{key} takes one value in a sweep", hint=why_not[key])


def plan_sweep(
    requests: Iterable[tuple[CaseName, Mapping[str, Setting], Assignment]], host: Host
) -> SweepPlan:
    """Returns the plan of the cases and settings of each point; equal cases are one point.

    What this host cannot run is a point that says why.

    Raises:
        UsageError, Unsupported: no point can run; the reason of the first.
    """
    points: dict[object, SweepPoint] = {}
    refusals: list[R50BenchError] = []
    passes, seed = 1, Case.seed
    for name, settings, assignment in requests:
        passes, seed = _whole(settings, "repeat", 1), _whole(settings, "seed", seed)
        once = {key: value for key, value in settings.items() if key != "repeat"}
        try:
            effective = effective_case(name, once, host)
        except (UsageError, Unsupported) as error:
            refusals.append(error)
            full = _full_name(name, host, asked_device(settings))
            refused = SweepPoint(full, assignment, None, error.message)
            points.setdefault((refused.name, assignment), refused)
        else:
            point = SweepPoint(effective.case.name, assignment, effective)
            points.setdefault(effective.case, point)
    if refusals and all(point.case is None for point in points.values()):
        raise refusals[0]
    accuracy = any(point.case and point.case.mode == "accuracy" for point in points.values())
    if accuracy and passes > 1:
        raise UsageError("accuracy has no noise to repeat against", hint="leave REPEAT out")
    return SweepPlan(tuple(points.values()), passes, seed, host_identity(host), versions())


def _full_name(name: CaseName, host: Host, device: str) -> str:
    """Returns the name with the precision that this host would take, where it has one."""
    with contextlib.suppress(Unsupported):
        name = replace(name, precision=resolve_precision(name.precision, host, device))
    return str(name)


def _whole(settings: Mapping[str, Setting], name: str, default: int) -> int:
    setting = settings.get(name)
    return default if setting is None else int(str(setting.value))
