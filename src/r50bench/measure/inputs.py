"""What a session needs before its workers start: model, input, compiled engine, environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from r50bench.assets.weights import Weights
from r50bench.case import Case
from r50bench.engines.base import EngineSpec
from r50bench.engines.environment import allocator_of, inert_settings, worker_environment
from r50bench.engines.registry import ENGINES, packages_of
from r50bench.errors import AssetError
from r50bench.load import Load, LoadGen, Observe, Score
from r50bench.measure.bench import Bench, Calibration
from r50bench.measure.protocol import FeedSpec
from r50bench.notices import Notice, unsteady_peak
from r50bench.planning.planned import Planned
from r50bench.precision import PRECISIONS
from r50bench.results.record import DataInfo, EngineInfo, Limit, ModelInfo

if TYPE_CHECKING:
    from r50bench.assets.preprocess import Pictures

__all__ = [
    "MOST_RING_PICTURES",
    "PICTURE_BYTES",
    "SessionInputs",
    "fed_what_there_is",
    "gather",
    "ring_pictures",
]

PICTURE_BYTES = 3 * 224 * 224 * 4
"""One normalised picture: 3 × 224 × 224 float32."""

MOST_RING_PICTURES = 1024
"""0.6 GB."""

_UNKNOWN_L3_BYTES = 32 << 20

_TIMESTAMPS = {"ONEDNN_VERBOSE_TIMESTAMP": "1"}


@dataclass(frozen=True)
class SessionInputs:
    """What goes into the pool, and what the record says about it. ``labels`` by picture.

    ``limit`` is None where it is not known; a notice says why then. ``canary`` is the library that
    looks at the cores between batches, None where nothing does; ``no_canary`` says as a clause why
    not, where it might.
    """

    engine: EngineSpec
    feed: FeedSpec
    environment: dict[str, str]
    model: ModelInfo
    data: DataInfo
    engine_info: EngineInfo
    names: tuple[str, ...]
    labels: tuple[int, ...]
    notices: tuple[Notice, ...]
    limit: Limit | None = None
    canary: str | None = None
    no_canary: str = ""

    @property
    def scripted(self) -> bool:
        """Whether the engine computes nothing, so that no figure says anything of the host."""
        return ENGINES[self.engine.engine].scripted


def fed_what_there_is(planned: Sequence[Planned], bench: Bench, default: str) -> list[Planned]:
    """Returns the cases, fed dummies where pictures are only a default and cannot be had.

    ``default`` is the source of such values; a notice says why there is no accuracy then. Pictures
    that somebody asked for are left for the case itself to fail without.
    """
    by_default = [one for one in planned if one.request["data_type"].source == default]
    try:
        for one in by_default[:1]:
            bench.assets.pictures(one.case)
    except AssetError as error:
        text = f"dummy pictures, and no accuracy: {error.message}"
        bench.progress.warn(Notice("dummy-pictures", text, error.hint or ""))
        return [
            one.became("no pictures can be had", data_type="dummy") if one in by_default else one
            for one in planned
        ]
    return list(planned)


def gather(
    case: Case,
    bench: Bench,
    load: Load | None = None,
) -> SessionInputs:
    """Resolves, fetches, prepares and compiles what ``case`` needs; everything comes from the
    cache where it can.

    ``load`` is what will ask the instances; None where they are only prepared, or asked in a closed
    loop. LoadGen's threads run Python in the instances' process. Of the pictures it holds, the
    closed loop beside it rotates no more: with more, it would find fewer of them in the cache. To
    be observed, kernels must say when they began.
    """
    bench.assets.check(case)
    weights = bench.assets.weights(case)
    pictures = bench.assets.pictures(case)
    calibrated = PRECISIONS[case.precision].numerics.calibrated
    calibration = bench.assets.calibration(case) if calibrated else None
    environment = worker_environment(case, bench.host, os.environ)
    wanted = _engine_spec(case, weights, calibration, isinstance(load, LoadGen))
    engine, compiled = _prepared(wanted, weights, bench, environment, case.timeout_s)
    ring = ring_pictures(case.batch_size, bench.host.l3_bytes, _most_pictures(load, pictures))
    canary, no_canary = _canary(case, bench, load)
    inert = inert_settings(case, bench.host)
    for notice in inert:
        bench.progress.warn(notice)
    limit = bench.assets.limit_if_known(case, bench.host)
    return SessionInputs(
        engine=engine,
        feed=_feed(case, weights, pictures, ring),
        environment=environment | (_TIMESTAMPS if isinstance(load, Observe) else {}),
        model=_model_info(weights),
        data=_data_info(case, pictures),
        engine_info=_engine_info(engine, environment, compiled, calibration),
        names=pictures.names if pictures else (),
        labels=pictures.labels if pictures else (),
        notices=(*inert, *(_on_limit(limit) if case.mode != "accuracy" else ())),
        limit=None if isinstance(limit, Notice) else limit,
        canary=canary,
        no_canary=no_canary,
    )


def _on_limit(limit: Limit | Notice | None) -> tuple[Notice, ...]:
    """Returns what the record of a timed case says of its limit."""
    if isinstance(limit, Notice):
        return (limit,)
    return (unsteady_peak(),) if limit is not None and not limit.steady else ()


def _canary(case: Case, bench: Bench, load: Load | None) -> tuple[str | None, str]:
    """Returns the library that looks at the cores between batches, or None and why not.

    Not where there are no timed batches of ours, or where the engine scripts what is seen. Between
    LoadGen's queries nothing is done that it would count as theirs.
    """
    if isinstance(load, (LoadGen, Score)) or ENGINES[case.engine].scripted:
        return None, ""
    if case.device != "cpu":
        return None, "the GPU computes, and a look at the CPU's cores says nothing of it"
    library, why_not = bench.assets.canary(bench.host)
    return (None if library is None else str(library)), why_not


def _prepared(
    wanted: EngineSpec,
    weights: Weights,
    bench: Bench,
    environment: Mapping[str, str],
    timeout_s: float,
) -> tuple[EngineSpec, bool]:
    """Returns the spec with all that its engine loads, and whether that was made now."""
    engine = ENGINES[wanted.engine]
    if engine.prepare is None:
        packages_of(engine, wanted.precision, environment)
        return wanted, False
    from r50bench.engines.preparation import Preparation, child_limit_s, prepare_engine

    return prepare_engine(
        wanted,
        Preparation(
            weights.sha256,
            bench.host,
            bench.assets.store,
            bench.progress,
            environment,
            child_limit_s(timeout_s),
        ),
    )


def _most_pictures(load: Load | None, pictures: Pictures | None) -> int:
    if not isinstance(load, LoadGen) or pictures is None:
        return MOST_RING_PICTURES
    held = load.settings.dataset_size or len(pictures.labels)
    return min(load.settings.buffer_size, held)


def _engine_spec(
    case: Case, weights: Weights, calibration: Calibration | None, beside_python: bool
) -> EngineSpec:
    """Returns what is wanted of the engine, before anything is compiled."""
    return EngineSpec(
        engine=case.engine,
        device=case.device,
        precision=case.precision,
        graph=weights.graph,
        convention=weights.convention,
        state_dict=str(weights.state_dict),
        batch_size=case.batch_size,
        threads=case.cores_per_instance,
        runners=case.instances if case.weight_sharing else 1,
        calibration=str(calibration.array) if calibration else None,
        beside_python=beside_python,
        cuda_graph=case.cuda_graph,
    )


def _engine_info(
    engine: EngineSpec,
    environment: Mapping[str, str],
    compiled: bool,
    calibration: Calibration | None,
) -> EngineInfo:
    """Returns what the record says of the engine; its version is known once a worker runs."""
    return EngineInfo(
        name=engine.engine,
        version="",
        device=engine.device,
        allocator=allocator_of(environment),
        artifact=Path(engine.artifact).parent.name if engine.artifact else None,
        compiled_in_this_run=compiled,
        calibration=calibration.description if calibration else None,
    )


def _feed(case: Case, weights: Weights, pictures: Pictures | None, ring: int) -> FeedSpec:
    return FeedSpec(
        pictures=str(pictures.array) if pictures else None,
        convention=weights.convention,
        seed=case.seed,
        batch_size=case.batch_size,
        ring_pictures=ring,
    )


def _model_info(weights: Weights) -> ModelInfo:
    return ModelInfo(
        graph=weights.graph,
        weights=weights.weights,
        sha256=weights.sha256,
        gflop_per_image=weights.gflop_per_image,
        source=weights.source,
        why=weights.why,
    )


def _data_info(case: Case, pictures: Pictures | None) -> DataInfo:
    if pictures is None:
        return DataInfo("dummy", f"seed {case.seed}", 0, "")
    return DataInfo("real", case.dataset, len(pictures.labels), pictures.sha256, pictures.skipped)


def ring_pictures(batch_size: int, l3_bytes: int | None, most: int = MOST_RING_PICTURES) -> int:
    """Returns how many pictures must rotate so that the ring is twice the last-level cache.

    A multiple of ``batch_size``, at least two batches, and what ``most`` pictures fill at most
    unless two batches alone are more.
    """
    wanted = -(-2 * (l3_bytes or _UNKNOWN_L3_BYTES) // PICTURE_BYTES)
    batches = max(2, -(-min(wanted, most) // batch_size))
    return batches * batch_size
