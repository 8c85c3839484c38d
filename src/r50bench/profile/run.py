"""One case observed: batches as they are measured, in turn with batches under the kernel log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from r50bench.case import Case
from r50bench.engines.evidence.kernel_log import Primitive, parse_kernel_log
from r50bench.engines.registry import ENGINES
from r50bench.errors import Unsupported, UsageError
from r50bench.load import Observe
from r50bench.measure.bench import Bench
from r50bench.measure.bring_up import soon, warm_pool
from r50bench.measure.inputs import gather
from r50bench.measure.pool import Pool
from r50bench.measure.protocol import Measure, Measured, Observed, ObserveKernels
from r50bench.measure.record_draft import Draft, PlannedCase
from r50bench.measure.run_folder import RunFolder
from r50bench.placement import Placement
from r50bench.profile.roofline import Breakdown, Roof, break_down, roof_of_instance
from r50bench.progress import Progress
from r50bench.results.record import EngineInfo, Evidence, Limit, ModelInfo

__all__ = ["Profile", "profile_case"]

_PLAIN_STEPS = 4
_STEPS_AFTER_A_PAUSE = 1  # of the plain ones: clocks and caches settle
_MS_PER_NS = 1e-6
_TIMESTAMPS = "ONEDNN_VERBOSE_TIMESTAMP"


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
    planned: PlannedCase, bench: Bench, rounds: int, finish: Callable[[Profile, Path], None]
) -> tuple[Profile, Path]:
    """Runs the case's instances and returns where their time goes, and a new folder.

    In each round all instances run a few batches as a session measures them, then one under
    oneDNN's log, so that both meet the same clocks. ``finish`` fills the
    folder, which lies below ``bench.out``, before it takes its name.

    Raises:
        UsageError: the case times nothing, or its instances share a process.
        Unsupported: the engine's kernels do not tell their times, or the peak is not known.
        EngineError: the log does not show all layers, or there is no compiler to measure with.
        RunFailed: an instance died, or batches differ in their kernels.
    """
    _refuse(planned.case)
    limit = bench.assets.limit(planned.case, bench.host)
    if limit is None:
        raise Unsupported(
            f"the peak of {planned.case.engine} on {planned.case.device} is not known",
            hint="--device cpu; FAKE_PEAK gives the fake engine one",
        )
    case = replace(planned.case, steps=_PLAIN_STEPS)
    planned = replace(planned, effective=replace(planned.effective, case=case))
    ingredients = gather(case, bench)
    ingredients = replace(
        ingredients, environment={**ingredients.environment, _TIMESTAMPS: "1"}, limit=limit
    )
    load = Observe(rounds, _PLAIN_STEPS)
    draft = Draft(planned, bench, ingredients, f"profile_{case.name}", load)
    with RunFolder(bench.out, draft.id) as folder:
        with warm_pool(planned, bench, ingredients, draft, folder.path) as pool:
            logs, plain = _observe(pool, case, rounds, bench.progress)
        draft.note_contention(plain, bench.progress)
        roof = roof_of_instance(limit, case.instances)
        breakdown = break_down(
            logs,
            _batches_ms(plain),
            roof,
            graph=ingredients.model.graph,
            numerics=case.numerics,
            batch_size=case.batch_size,
        )
        profile = _profile(draft, limit, roof, rounds, breakdown)
        finish(profile, folder.path)
        return profile, folder.keep()


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


def _observe(
    pool: Pool, case: Case, rounds: int, progress: Progress
) -> tuple[list[list[tuple[Primitive, ...]]], list[list[Measured]]]:
    """Returns the primitives by instance and round, and the plain batches by round and worker."""
    logs: list[list[tuple[Primitive, ...]]] = [[] for _ in range(case.instances)]
    plain: list[list[Measured]] = []
    for number in range(rounds):
        title = f"{case.name}  profiling, round {number + 1} of {rounds}"
        progress.phase(title, _PLAIN_STEPS * case.instances)
        plain.append(pool.ask(Measure(soon()), Measured))
        for worker, observed in enumerate(pool.ask(ObserveKernels(), Observed)):
            logs[worker].append(parse_kernel_log(observed.log))
    return logs, plain


def _batches_ms(plain: Sequence[Sequence[Measured]]) -> list[float]:
    """Returns the times of the plain batches, but for those right after a pause."""
    times: list[float] = []
    for timing in (one for answers in plain for answer in answers for one in answer.timings):
        stamps = zip(timing.starts_ns, timing.ends_ns, strict=True)
        of_round = [(end - start) * _MS_PER_NS for start, end in stamps]
        times += of_round[_STEPS_AFTER_A_PAUSE:]
    return times


def _profile(draft: Draft, limit: Limit, roof: Roof, rounds: int, breakdown: Breakdown) -> Profile:
    fields = draft.fields
    return Profile(
        id=draft.id,
        created=fields["created"],
        case=fields["case"],
        placement=fields["placement"],
        host=fields["host"],
        model=fields["model"],
        engine=fields["engine"],
        evidence=fields["evidence"],
        limit=limit,
        roof=roof,
        rounds=rounds,
        breakdown=breakdown,
        warnings=tuple(map(str, draft.notices)),
    )
