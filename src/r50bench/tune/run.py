"""Tuning a case: the search on this machine, and its result kept for later runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from r50bench.case import Case, CaseName
from r50bench.errors import RunFailed, Unsupported, UsageError
from r50bench.host.snapshot import engine_versions, host_identity
from r50bench.host.topology import Host
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.point_progress import BudgetProgress
from r50bench.measure.session import Outcome
from r50bench.parameters import Setting, Value
from r50bench.planning.effective_case import EffectiveCase, TunedValues, effective_case
from r50bench.planning.tuned_defaults import TunedResult, asked_for_speed
from r50bench.results.judged import Judged, judged_figure, judged_where_all_can
from r50bench.results.kpi import PRIMARY, Kpi
from r50bench.results.record import new_record_id
from r50bench.results.undisturbed import LEAST_BATCHES
from r50bench.tune.field import Figures
from r50bench.tune.objective import Objective
from r50bench.tune.search import Tuner, Verdict, describe
from r50bench.tune.space import TUNED_FIELDS, Configuration, space_around
from r50bench.tune.trials import Trials

__all__ = [
    "Ranking",
    "TuneRequest",
    "Tuned",
    "result_of",
    "tune_case",
]


@dataclass(frozen=True)
class TuneRequest:
    """What is to be tuned. ``choices`` are the values given for tuned fields, by field.

    ``settings`` hold all that was asked, with the first of several values. ``budget_s`` is for
    everything, compiling included. ``judged`` says by which batches those that were tried are
    ranked in the end.

    Raises:
        UsageError: the case has nothing to tune, or not for this objective.
    """

    name: CaseName
    settings: Mapping[str, Setting]
    choices: Mapping[str, Sequence[Value]]
    objective: Objective
    budget_s: float
    judged: Judged = "experienced"

    def __post_init__(self) -> None:
        if self.name.mode == "accuracy":
            raise UsageError(
                "accuracy cannot be tuned: it does not depend on the configuration",
                hint="tune a throughput or a latency case",
            )
        if self.name.case_type == "gated":
            raise UsageError(
                "the case type gated fixes what would be tuned",
                hint=f"tune {replace(self.name, case_type='')}",
            )
        if self.objective.bounded and self.name.mode == "latency":
            raise UsageError(
                f"{self.objective} is an objective for throughput cases",
                hint="in latency mode the batch size is fixed, and latency is what is made least",
            )

    def fixed(self) -> dict[str, Setting]:
        """Returns what was asked without leaving a choice: later runs must ask for the same."""
        free = {name for name, values in self.choices.items() if len(values) > 1}
        return {name: one for name, one in self.settings.items() if name not in free}


@dataclass(frozen=True)
class Ranking:
    """By which batches a verdict ranks; ``figures`` are those of the record of each that was tried.

    ``why_not`` says as a clause why it is not by undisturbed ones where that was asked.
    """

    judged: Judged
    why_not: str
    figures: Mapping[Configuration, Mapping[str, Kpi]]

    def undisturbed(self, objective: Objective) -> dict[Configuration, Kpi]:
        """Returns what undisturbed batches alone gave of the goal, of those that have enough."""
        name = PRIMARY[objective.goal]
        found = {one: judged_figure(of, name, "undisturbed") for one, of in self.figures.items()}
        return {one: figure for one, figure in found.items() if figure is not None}


@dataclass(frozen=True)
class Tuned:
    """What tuning came to: ``untuned`` and ``case`` are the defaults before and after it.

    ``outcome`` is what the winner left, ``trials`` what all did, in the order in which they began.
    ``primary`` is the goal's figure of the winner, from its record; ``seconds`` the whole time,
    ``compile_s`` that of it spent on compiling, ``wanted_s`` what trying all that was left out
    would take, about.
    """

    request: TuneRequest
    untuned: Case
    case: Case
    verdict: Verdict
    primary: Kpi
    outcome: Outcome
    trials: tuple[Outcome, ...]
    folder: Path
    seconds: float
    compile_s: float
    wanted_s: float
    ranking: Ranking


def tune_case(
    request: TuneRequest,
    bench: Bench,
    tell: Callable[[Case, Figures], None] = lambda *_: None,
) -> Tuned:
    """Finds the best configuration of a case.

    The trials' records go to a folder below ``bench.out``; ``tell`` is given each
    configuration's case and its first round.

    Raises:
        UsageError: the case cannot be tuned, or nothing in the choice is possible.
        Unsupported: this host cannot run the case.
        CheckFailed: no configuration keeps the objective's bound.
        RunFailed: no configuration could be measured.
    """
    began = time.monotonic()
    plan = _Plan(request, bench.host)
    untuned = effective_case(request.name, request.fixed(), bench.host).case
    space = space_around(untuned, request.choices, bench.host, plan.possible)
    if not any(space.all()):
        plan(space.start)  # says why
    folder = bench.out / new_record_id(f"tune_{untuned.name}", datetime.now(timezone.utc))
    within = BudgetProgress(bench.progress, f"tuning {untuned.name}", request.budget_s)
    trials_bench = replace(
        bench, assets=AssetResolver(bench.assets.store, within), out=folder, progress=within
    )
    # A figure takes so many undisturbed batches, and two rounds are what a configuration may get.
    least_steps = LEAST_BATCHES if request.judged == "undisturbed" else 1
    with Trials.opened(plan, trials_bench, least_steps=least_steps) as trials:
        search = Tuner(
            space,
            trials,
            request.objective,
            request.budget_s,
            lambda configuration, figures: tell(plan(configuration).case, figures),
        )
        verdict = search.run()
        wanted_s = sum(map(trials.expected_s, verdict.left_out))
    ranking = _ranking(request, verdict, trials.outcomes)
    if ranking.judged == "undisturbed":
        verdict = search.judged_by(ranking.undisturbed(request.objective))
    outcome = trials.outcomes[verdict.winner]
    return Tuned(
        request=request,
        untuned=untuned,
        case=plan(verdict.winner).case,
        verdict=verdict,
        primary=_primary(outcome, request.objective),
        outcome=outcome,
        trials=tuple(sorted(trials.outcomes.values(), key=lambda one: one.record.id)),
        folder=folder,
        seconds=time.monotonic() - began,
        compile_s=trials.compile_s,
        wanted_s=wanted_s,
        ranking=ranking,
    )


def _ranking(
    request: TuneRequest, verdict: Verdict, outcomes: Mapping[Configuration, Outcome]
) -> Ranking:
    figures = {one.configuration: outcomes[one.configuration].figures for one in verdict.tried}
    if request.judged == "experienced":
        return Ranking(request.judged, "", figures)
    named = {describe(one): found for one, found in figures.items()}
    return Ranking(*judged_where_all_can(named, PRIMARY[request.objective.goal]), figures)


class _Plan:
    """Turns a configuration into the case that tries it."""

    def __init__(self, request: TuneRequest, host: Host) -> None:
        self._name = request.name
        self._fixed = request.fixed()
        self._host = host

    def __call__(self, configuration: Configuration) -> EffectiveCase:
        """Returns the case, or raises what keeps it from being one."""
        values = TunedValues(configuration.values, "trial")
        return effective_case(self._name, self._fixed, self._host, values)

    def possible(self, configuration: Configuration) -> bool:
        """Whether there is such a case; sharing weights takes two instances or more."""
        try:
            case = self(configuration).case
        except (UsageError, Unsupported):
            return False
        return case.instances > 1 or not configuration.weight_sharing


def result_of(tuned: Tuned, host: Host) -> TunedResult:
    """Returns what is kept of it for later runs."""
    model = tuned.outcome.record.model
    assert model is not None
    return TunedResult(
        case=tuned.case,
        chosen=TUNED_FIELDS,
        asked=asked_for_speed(tuned.request.fixed()),
        objective=str(tuned.request.objective),
        host=host_identity(host),
        versions=engine_versions(),
        weights=model.sha256,
        created=tuned.outcome.record.created,
        value=tuned.primary.value,
        unit=tuned.primary.unit,
        confidence=tuned.verdict.confidence,
        records=str(tuned.folder.absolute()),
        low=tuned.primary.low,
        high=tuned.primary.high,
    )


def _primary(outcome: Outcome, objective: Objective) -> Kpi:
    if outcome.error is not None:
        raise RunFailed(f"the winner's record is invalid: {outcome.error.message}")
    name = PRIMARY[objective.goal]
    return next(kpi for kpi in outcome.block.kpis if kpi.name == name)
