"""Engines beside each other: all open at once, measured in turns, round by round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from r50bench.case import CaseName
from r50bench.engines.environment import worker_python
from r50bench.engines.registry import ENGINES, engine_named, packages_of
from r50bench.errors import EngineError, R50BenchError, Unsupported
from r50bench.host.topology import Host
from r50bench.measure.bench import Bench
from r50bench.measure.in_turns import Entry, measure_in_turns
from r50bench.measure.inputs import fed_what_there_is
from r50bench.measure.session import CaseResult, Outcome
from r50bench.notices import Titled
from r50bench.parameters import Setting
from r50bench.planning.effective_case import effective_case
from r50bench.planning.planned import Planned, plan_case
from r50bench.results.timeline import round_throughputs, windows

__all__ = [
    "ENGINES_BESIDE",
    "ROUNDS",
    "ROUND_S",
    "Contender",
    "Standing",
    "plan_peers",
    "run_peers",
]

ENGINES_BESIDE = tuple(name for name, engine in ENGINES.items() if engine.among_peers)
"""The engines that are compared; the first is the one that the others are measured against."""

ROUNDS = 9
"""Rounds where none are asked: the median's interval then leaves one out at either end."""

ROUND_S = 2.0
"""Seconds of one engine in a round, where no steps are asked."""

_WARMUP_STEPS = 10
_WHY = "default peers"

State = Literal["measured", "absent", "refused", "failed"]


@dataclass(frozen=True)
class Contender:
    """An engine to be measured: its case, or (``planned`` is None) why it has none."""

    engine: str
    planned: Planned | None
    error: R50BenchError | None = None


@dataclass(frozen=True)
class Standing:
    """What became of a contender.

    ``absent``: its packages are not installed; ``refused``: it cannot run such a case; ``failed``:
    it ended before all rounds were measured. ``error`` says why in each of these; ``outcome`` is
    None where there is no record.
    """

    engine: str
    state: State
    outcome: Outcome | None = None
    error: R50BenchError | None = None

    @property
    def throughputs(self) -> tuple[float, ...]:
        """Images/s by round; none where it was not measured."""
        if self.state != "measured" or self.outcome is None or self.outcome.samples is None:
            return ()
        samples = self.outcome.samples
        common = windows(samples)
        return () if common is None else tuple(round_throughputs(samples, common).tolist())


def plan_peers(
    name: CaseName, engines: Sequence[str], settings: Mapping[str, Setting], host: Host
) -> tuple[Contender, ...]:
    """Returns a contender for each engine, all of the same case but for the engine.

    ``engines`` are names as somebody gave them, also former ones.
    Real pictures are fed unless DATA_TYPE says otherwise, so that answers can be scored too.
    """
    filled = dict(settings)
    for field, value in (
        ("data_type", "real"),
        ("repeat", ROUNDS),
        ("warmup_steps", _WARMUP_STEPS),
    ):
        filled.setdefault(field, Setting(value, "option"))
    defaults = filled.keys() - settings.keys()
    return tuple(_contender(name, engine, filled, defaults, host) for engine in engines)


def _contender(
    name: CaseName, word: str, settings: Mapping[str, Setting], defaults: set[str], host: Host
) -> Contender:
    engine = engine_named(word).name
    asked = Setting(engine, "option", word)
    try:
        found = effective_case(name, {**settings, "engine": asked}, host)
        packages_of(ENGINES[engine], found.case.precision, worker_python(found.case.python))
    except (Unsupported, EngineError) as error:
        return Contender(engine, None, error)
    effective = found.became(_WHY, **{field: getattr(found.case, field) for field in defaults})
    return Contender(engine, plan_case(effective, host))


def run_peers(
    contenders: Sequence[Contender], bench: Bench, *, round_s: float | None = ROUND_S
) -> tuple[Standing, ...]:
    """Measures all contenders in turns and returns what became of each, in their order.

    With ``round_s`` None rounds have the case's steps. Each engine leaves a record of its own below
    ``bench.out``.
    """
    contenders = _with_pictures_there_are(contenders, bench)
    entries = [
        Entry(contender.planned, _titled(bench, contender.engine), round_s)
        for contender in contenders
        if contender.planned is not None
    ]
    results = list(measure_in_turns(entries))
    return tuple(_standing(contender, results) for contender in contenders)


def _titled(bench: Bench, engine: str) -> Bench:
    return replace(bench, progress=Titled(bench.progress, engine))


def _standing(contender: Contender, results: Iterable[CaseResult]) -> Standing:
    if contender.planned is None:
        state: State = "refused" if isinstance(contender.error, Unsupported) else "absent"
        return Standing(contender.engine, state, error=contender.error)
    result = next(found for found in results if found.planned is contender.planned)
    state = "measured" if result.error is None else "failed"
    return Standing(contender.engine, state, result.outcome, result.error)


def _with_pictures_there_are(contenders: Sequence[Contender], bench: Bench) -> list[Contender]:
    """Falls back on dummy input where nobody asked for pictures and the sample cannot be had."""
    planned = [one.planned for one in contenders if one.planned is not None]
    fed = iter(fed_what_there_is(planned, bench, _WHY))
    return [one if one.planned is None else replace(one, planned=next(fed)) for one in contenders]
