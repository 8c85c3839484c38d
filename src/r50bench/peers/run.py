"""Engines beside each other: all open at once, measured in turns, round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Literal

from r50bench.case import CaseName
from r50bench.engines.registry import ENGINES, engine_named, packages_of
from r50bench.errors import EngineError, R50BenchError, Unsupported, UsageError
from r50bench.host.topology import Host
from r50bench.measure.bench import Bench
from r50bench.measure.inputs import fed_what_there_is
from r50bench.measure.session import Outcome, Session, open_session
from r50bench.notices import Titled
from r50bench.parameters import Setting
from r50bench.planning.effective_case import effective_case
from r50bench.planning.planned import Planned, plan_case
from r50bench.results.timeline import throughput, windows

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
    """What became of a contender. ``throughputs`` are images/s by round.

    ``absent``: its packages are not installed; ``refused``: it cannot run such a case; ``failed``:
    it ended before all rounds were measured. ``error`` says why in each of these; ``outcome`` is
    None where there is no record.
    """

    engine: str
    state: State
    outcome: Outcome | None = None
    error: R50BenchError | None = None
    throughputs: tuple[float, ...] = ()


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
        packages_of(ENGINES[engine], found.case.precision)
    except (Unsupported, EngineError) as error:
        return Contender(engine, None, error)
    effective = found.became(_WHY, **{field: getattr(found.case, field) for field in defaults})
    return Contender(engine, plan_case(effective, host))


def run_peers(
    contenders: Sequence[Contender], bench: Bench, *, round_s: float | None = ROUND_S
) -> tuple[Standing, ...]:
    """Measures all contenders in turns and returns what became of each, in their order.

    Every round begins with another engine, so that a drift of the machine strikes all alike. With
    ``round_s`` None rounds have the case's steps. Each engine leaves a record of its own below
    ``bench.out``.
    """
    contenders = _with_pictures_there_are(contenders, bench)
    runs = [_Run(contender) for contender in contenders]
    with ExitStack() as stack:
        for run in runs:
            run.open(stack, bench, round_s)
        racing = [run for run in runs if run.session is not None]
        rounds = max((run.session.case.repeat for run in racing if run.session), default=0)
        for number in range(rounds):
            for place_in_round in range(len(racing)):
                racing[(number + place_in_round) % len(racing)].measure_round()
        for run in racing:
            run.score()
    return tuple(run.standing() for run in runs)


def _with_pictures_there_are(contenders: Sequence[Contender], bench: Bench) -> list[Contender]:
    """Falls back on dummy input where nobody asked for pictures and the sample cannot be had."""
    planned = [one.planned for one in contenders if one.planned is not None]
    fed = iter(fed_what_there_is(planned, bench, _WHY))
    return [one if one.planned is None else replace(one, planned=next(fed)) for one in contenders]


class _Run:
    """One contender on its way from a plan to a standing."""

    def __init__(self, contender: Contender) -> None:
        self.session: Session | None = None
        self._contender = contender
        self._error = contender.error
        self._throughputs: list[float] = []

    def open(self, stack: ExitStack, bench: Bench, round_s: float | None) -> None:
        """Opens the session where there is a plan; it ends with ``stack``."""
        planned = self._contender.planned
        if planned is None:
            return
        titled = replace(bench, progress=Titled(bench.progress, self._contender.engine))
        try:
            self.session = stack.enter_context(open_session(planned, titled))
        except UsageError:
            raise
        except R50BenchError as error:
            self._error = error
            return
        if round_s is not None:
            self.session.pace(round_s)

    def measure_round(self) -> None:
        assert self.session is not None
        samples = self.session.measure_round()
        common = None if samples is None else windows(samples)
        if samples is not None and common is not None:
            self._throughputs.append(throughput(samples, common).value)

    def score(self) -> None:
        assert self.session is not None
        if self.session.scorable:
            self.session.score()

    def standing(self) -> Standing:
        contender = self._contender
        if contender.planned is None:
            state: State = "refused" if isinstance(self._error, Unsupported) else "absent"
            return Standing(contender.engine, state, error=self._error)
        if self.session is None or self.session.outcome is None:
            return Standing(contender.engine, "failed", error=self._error)
        outcome = self.session.outcome
        if outcome.error is not None:
            return Standing(contender.engine, "failed", outcome, outcome.error)
        return Standing(contender.engine, "measured", outcome, throughputs=tuple(self._throughputs))
