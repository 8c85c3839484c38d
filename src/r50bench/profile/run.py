"""One case observed: batches as they are measured, in turn with batches under the kernel log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from r50bench.case import Case, Placement
from r50bench.engines.evidence.kernel_log import Primitive, parse_kernel_log
from r50bench.engines.registry import ENGINES
from r50bench.errors import Unsupported, UsageError
from r50bench.load import Observe
from r50bench.measure.bench import Bench
from r50bench.measure.protocol import Observed, ObserveKernels
from r50bench.measure.session import Session, open_session
from r50bench.planning.planned import Planned
from r50bench.profile.roofline import Breakdown, Roof, break_down, roof_of_instance
from r50bench.results.record import EngineInfo, Evidence, Limit, ModelInfo

__all__ = ["Profile", "profile_case"]

_PLAIN_STEPS = 4
_STEPS_AFTER_A_PAUSE = 1  # of the plain ones: clocks and caches settle
_MS_PER_NS = 1e-6


@dataclass(frozen=True)
class Profile:
    """Where one case's time goes, with what is needed to repeat and to doubt it.

    ``host`` is :func:`r50bench.host.snapshot.snapshot`, ``created`` UTC in ISO 8601; ``roof`` is
    one instance's. ``efficiency`` is what a batch carried out as a share of the peak.
    """

    id: str
    created: str
    case: Case
    placement: Placement
    host: dict[str, Any]
    model: ModelInfo
    engine: EngineInfo
    evidence: Evidence
    limit: Limit
    roof: Roof
    rounds: int
    breakdown: Breakdown
    warnings: tuple[str, ...] = ()

    @property
    def efficiency(self) -> float:
        """The operations of a batch at the peak, as a share (0 to 1) of the batch's time."""
        gop = sum(layer.gop for layer in self.breakdown.layers)
        return 1e3 * gop / self.roof.gop_per_s / self.breakdown.batch_ms


def profile_case(
    planned: Planned, bench: Bench, rounds: int, finish: Callable[[Profile, Path], None]
) -> tuple[Profile, Path]:
    """Runs the case's instances and returns where their time goes, and the record's folder.

    In each round all instances run a few batches as a session measures them, then one under
    oneDNN's log, so that both meet the same clocks. ``finish`` adds to the folder, which lies below
    ``bench.out``, before it takes its name. The plain batches are the record's samples.

    Raises:
        UsageError: the case times nothing, or its instances share a process.
        Unsupported: the engine's kernels do not tell their times, or the peak is not known.
        EngineError: the log does not show all layers, or there is no compiler to measure with.
        RunFailed: an instance died, or batches differ in their kernels. As with EngineError, an
            invalid record is left once the instances have been started.
    """
    _refuse(planned.case)
    limit = bench.assets.limit(planned.case, bench.host)
    if limit is None:
        raise Unsupported(
            f"the peak of {planned.case.engine} on {planned.case.device} is not known",
            hint="--device cpu; FAKE_PEAK gives the fake engine one",
        )
    planned = planned.became("profile", steps=_PLAIN_STEPS, repeat=rounds)
    planned = replace(planned, load=Observe(rounds, _PLAIN_STEPS))
    found: list[Profile] = []

    def observe() -> None:
        logs = _observe(session, rounds)
        session.conclude()
        if session.error is None:
            found.append(_profile(session, limit, logs))
            finish(found[0], session.folder)

    with open_session(planned, bench) as session:
        session.carry_out(observe)
    if session.error is not None:
        raise session.error
    return found[0], session.left.folder


def _refuse(case: Case) -> None:
    if case.mode == "accuracy":
        raise UsageError(
            "an accuracy case times nothing", hint="profile its throughput or latency case"
        )
    if not ENGINES[case.engine].times_layers or case.device != "cpu":
        raise Unsupported(
            f"the kernels of engine {case.engine} on {case.device} do not tell how long they take",
            hint="engine torch on the CPU does",
        )
    if case.weight_sharing:
        raise UsageError(
            "instances that share a process cannot be observed all at once",
            hint="--no-weight-sharing; the kernels are the same",
        )


def _observe(session: Session, rounds: int) -> list[list[tuple[Primitive, ...]]]:
    """Returns the primitives by instance and round, each round after one of plain batches."""
    logs: list[list[tuple[Primitive, ...]]] = [[] for _ in range(session.case.instances)]
    for _ in range(rounds):
        if session.measure_round() is None:
            break
        for worker, observed in enumerate(session.ask(ObserveKernels(), Observed)):
            logs[worker].append(parse_kernel_log(observed.log))
    return logs


def _profile(
    session: Session, limit: Limit, logs: Sequence[Sequence[tuple[Primitive, ...]]]
) -> Profile:
    draft, case = session.draft, session.case
    samples, evidence = draft.samples, draft.evidence
    assert samples is not None
    assert evidence is not None
    settled = samples.latency_ns[samples.step >= _STEPS_AFTER_A_PAUSE]
    roof = roof_of_instance(limit, case.instances)
    return Profile(
        id=draft.id,
        created=draft.created,
        case=case,
        placement=session.planned.placement,
        host=draft.host,
        model=draft.model,
        engine=draft.engine,
        evidence=evidence,
        limit=limit,
        roof=roof,
        rounds=case.repeat,
        breakdown=break_down(
            logs,
            [float(latency) * _MS_PER_NS for latency in settled],
            roof,
            graph=draft.model.graph,
            numerics=case.numerics,
            batch_size=case.batch_size,
        ),
        warnings=tuple(map(str, draft.notices)),
    )
