"""The main job: which precisions, on which engines, and in which turns they are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from r50bench.case import CaseName
from r50bench.engines.registry import ENGINES
from r50bench.errors import Unsupported
from r50bench.host.isa import measurable_precisions, precisions_by_default
from r50bench.host.topology import Host
from r50bench.notices import Notice
from r50bench.parameters import Setting, asked_device
from r50bench.planning.effective_case import EffectiveCase
from r50bench.planning.planned import EffectiveOf, Planned, effective_cases, plan_case

__all__ = ["BY_DEFAULT", "ENGINES_BESIDE", "MainJob", "PeakOf", "Turn", "plan_main_job"]

ENGINES_BESIDE = ("torch", "r50")
"""What is measured side by side where no engine is asked: PyTorch as it ships, and our kernels."""

PeakOf = Callable[[Planned], "float | None"]
"""Gives the measured peak of a case's cores in its precision, in 1e9 operations per second."""

BY_DEFAULT = "default main job"
"""The source of what this job fills in where nobody asked."""

_DEFAULTS: dict[str, dict[str, str | int]] = {
    # Scored too, so that throughput and accuracy are of one session.
    "throughput": {"data_type": "real", "warmup_steps": 5, "repeat": 6},
    "latency": {"steps": 50, "warmup_steps": 10, "repeat": 2},
}


@dataclass(frozen=True)
class Turn:
    """What is open at once and measured round by round in turns: one case for each engine."""

    cases: tuple[Planned, ...]


@dataclass(frozen=True)
class MainJob:
    """All turns in the order in which they are run, and what is left out and why."""

    turns: tuple[Turn, ...]
    notices: tuple[Notice, ...] = ()

    @property
    def cases(self) -> tuple[Planned, ...]:
        return tuple(planned for turn in self.turns for planned in turn.cases)


def plan_main_job(
    host: Host,
    settings: Mapping[str, Setting],
    effective_of: EffectiveOf | None = None,
    peak_of: PeakOf = lambda _: None,
    *,
    every: bool = False,
) -> MainJob:
    """Returns throughput and latency of the best precision of each numerics, on both engines.

    Which precision of a numerics is best is decided by ``peak_of``: the one whose instruction did
    most on these very cores. Where that is not known for all of them, the last by name is taken,
    and a notice says so. With ``every`` all native precisions are taken. ``effective_of`` fills in
    what ``settings`` leave open; by default, without what was tuned.

    What an engine cannot run is left out, and a notice says so.

    Raises:
        Unsupported: this CPU has none of the precisions, or the engines run none of them.
    """
    device = asked_device(settings)
    native = measurable_precisions(host, device)
    planner = _Planner(host, settings, effective_of or effective_cases(host, tuned=False))
    chosen: Sequence[str] = native
    if not every:
        chosen = [planner.best(alike, peak_of) for alike in precisions_by_default(host, device)]
    turns = [planner.turn(mode, precision) for precision in chosen for mode in _DEFAULTS]
    kept = tuple(turn for turn in turns if turn.cases)
    if not kept:
        raise planner.first_refusal()
    return MainJob(kept, tuple(planner.notices()))


class _Planner:
    """Plans turns, and remembers what could not be planned."""

    def __init__(
        self, host: Host, settings: Mapping[str, Setting], effective_of: EffectiveOf
    ) -> None:
        self._host = host
        self._settings = settings
        self._effective_of = effective_of
        asked = settings.get("engine")
        self._engines = ENGINES_BESIDE if asked is None else (str(asked.value),)
        self._refused: dict[tuple[str, str], Unsupported] = {}
        self._by_name: list[str] = []

    def best(self, alike: Sequence[str], peak_of: PeakOf) -> str:
        """Returns the precision of one numerics that is measured."""
        if len(alike) == 1:
            return alike[0]
        peaks = {}
        for precision in alike:
            cases = self.turn("throughput", precision).cases
            peak = peak_of(cases[0]) if cases else 0.0
            if peak is None:
                self._by_name.append(f"{alike[-1]} before {', '.join(alike[:-1])}")
                return alike[-1]
            peaks[precision] = peak
        return max(peaks, key=lambda precision: peaks[precision])

    def turn(self, mode: str, precision: str) -> Turn:
        """Returns the cases of the engines that run this here."""
        name = CaseName.of_parts(mode, precision)
        cases = []
        for engine in self._engines:
            try:
                effective = self._effective(name, engine)
            except Unsupported as error:
                self._refused[precision, engine] = error
            else:
                cases.append(plan_case(effective, self._host))
        return Turn(tuple(cases))

    def _effective(self, name: CaseName, engine: str) -> EffectiveCase:
        defaults = {
            field: value
            for field, value in _DEFAULTS[name.mode].items()
            if field not in self._settings
        }
        settings = dict(self._settings)
        if "engine" not in settings:
            defaults["engine"] = engine
        settings |= {field: Setting(value, "option") for field, value in defaults.items()}
        effective = self._effective_of(name, settings)
        chosen = {part: getattr(effective.case, part) for part in ("mode", "precision")}
        return effective.became(BY_DEFAULT, **defaults, **chosen)

    def first_refusal(self) -> Unsupported:
        return next(iter(self._refused.values()))

    def notices(self) -> Iterable[Notice]:
        """Yields what is not measured, by engine and reason, and what was chosen by name."""
        reasons: dict[tuple[str, str], list[str]] = {}
        for (precision, engine), error in self._refused.items():
            why = ENGINES[engine].lacking(self._host, precision) or error.message
            reasons.setdefault((engine, why), []).append(precision)
        for (engine, why), precisions in reasons.items():
            names = ", ".join(dict.fromkeys(precisions))
            yield Notice("left-out", f"no row of {engine} in {names}: {why}")
        if self._by_name:
            yield Notice(
                "best-by-name",
                f"{'; '.join(self._by_name)} by name, since the peak of the cores is not known",
                "--all measures every precision",
            )
