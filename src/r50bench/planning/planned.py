"""A case that is ready to run: what it is, where its instances go, and what traffic they get."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from r50bench.case import Case, CaseName, FieldValue, Placement
from r50bench.host.surroundings import tuned_folder
from r50bench.host.topology import Host
from r50bench.load import Load, LoadGen, LoadgenSettings, Score, Steps, run_name
from r50bench.parameters import Setting
from r50bench.planning.effective_case import EffectiveCase, effective_case
from r50bench.planning.placement import place

__all__ = ["EffectiveOf", "Planned", "effective_cases", "load_of", "plan_case", "plan_named"]


@dataclass(frozen=True)
class Planned(EffectiveCase):
    """An effective case with its placement and its load: all that one session is given."""

    placement: Placement
    load: Load

    def became(self, source: str, **values: FieldValue) -> Planned:
        """Does as for an effective case; a load that its mode means follows its values."""
        planned = super().became(source, **values)
        if not isinstance(self.load, (Steps, Score)):
            return planned
        return replace(planned, load=load_of(planned.case))

    @property
    def loadgen(self) -> LoadgenSettings:
        """What LoadGen is asked.

        Raises:
            ValueError: it is another load.
        """
        if not isinstance(self.load, LoadGen):
            raise ValueError(f"{self.name} is no run of LoadGen")
        return self.load.settings

    @property
    def name(self) -> str:
        """What runs, such as ``mlperf_Offline_PerformanceOnly_avx_int8``, as in the record's id."""
        return run_name(self.load, self.case)


def plan_case(effective: EffectiveCase, host: Host, load: Load | None = None) -> Planned:
    """Places a case on ``host``, under ``load``, or under the one that its mode means."""
    case = effective.case
    return Planned(
        case, effective.notices, effective.request, place(host, case), load or load_of(case)
    )


EffectiveOf = Callable[[CaseName, Mapping[str, Setting]], EffectiveCase]
"""Gives the effective case of a name and of what was asked."""


def effective_cases(host: Host, *, tuned: bool) -> EffectiveOf:
    """Returns what fills in cases on ``host``, from what was tuned there if ``tuned``."""
    if tuned and any(tuned_folder().glob("*.json")):
        from r50bench.planning.tuned_defaults import TunedDefaults, TunedResults  # few hosts do

        return TunedDefaults(host, TunedResults(tuned_folder())).effective
    return lambda name, settings: effective_case(name, settings, host)


def plan_named(
    names: Sequence[CaseName], settings: Mapping[str, Setting], host: Host, *, tuned: bool
) -> tuple[Planned, ...]:
    """Returns the cases of the names as they would run; equal ones once."""
    effective_of = effective_cases(host, tuned=tuned)
    effective = {one.case: one for one in (effective_of(name, settings) for name in names)}
    return tuple(plan_case(one, host) for one in effective.values())


def load_of(case: Case) -> Load:
    """Returns what a case's mode means: a closed loop, or every picture once."""
    return Score() if case.mode == "accuracy" else Steps(case.steps or 0, case.repeat)
