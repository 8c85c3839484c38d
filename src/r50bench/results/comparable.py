"""Whether figures of two records may stand side by side."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any, Protocol

from r50bench.case import Case
from r50bench.load import LoadGen, LoadgenSettings, Observe
from r50bench.results.record import DataInfo, EngineInfo, LoadgenResult, ModelInfo, Record

__all__ = ["Asked", "comparable", "question_of", "same_model", "with_known_weights"]


class Asked(Protocol):
    """What decides which question a run answered: a record, or as much of it as is kept of one."""

    @property
    def name(self) -> str: ...
    @property
    def case(self) -> Case: ...
    @property
    def model(self) -> ModelInfo | None: ...
    @property
    def data(self) -> DataInfo | None: ...
    @property
    def engine(self) -> EngineInfo | None: ...
    @property
    def loadgen(self) -> LoadgenResult | None: ...


_WITHOUT_EFFECT: dict[str, Any] = {
    "steps": None,
    "warmup_steps": 0,
    "repeat": 1,
    "seed": 0,
    "weights": "",
    "skip_bad_pictures": False,
    "verbose": False,
    "timeout_s": 0,
}
"""Fields of a case that do not decide the figure: how long it is measured, what is written beside
it, and the weights, which the model says better."""


def comparable(a: Record, b: Record) -> str | None:
    """Returns why the primary figures of two records may not be compared; None where they may.

    Precisions, engines, hosts and settings may differ, since they are what one compares. The graph,
    the mode and what decides the meaning of the mode's figure may not.
    """
    for record in (a, b):
        if record.status != "valid":
            return f"{record.id} is invalid: {record.reason or 'no reason given'}"
    if _load(a) != _load(b):
        return f"one measures {_load(a)}, the other {_load(b)}"
    models = same_model(a, b)
    if models is not None:
        return models
    if a.case.mode == "latency" and a.case.batch_size != b.case.batch_size:
        return (
            "latency is per batch, and the batch sizes differ:"
            f" {a.case.batch_size} and {b.case.batch_size}"
        )
    if a.case.mode == "accuracy" and _pictures(a) != _pictures(b):
        return "they scored different pictures"
    return None


def question_of(run: Asked) -> Hashable:
    """Returns a key that is equal for runs that ask the very same, whenever and wherever they ran.

    Valid runs of one key are :func:`comparable`, and the same was asked of them but for how long to
    measure; versions, the system and its settings may differ. None where the run does not say which
    model it ran.
    """
    if run.model is None:
        return None
    case = replace(run.case, **_WITHOUT_EFFECT)
    scored = (run.model.sha256, run.data and run.data.sha256) if case.mode == "accuracy" else ()
    device = run.engine.device if run.engine else case.device
    loadgen = run.loadgen and _asked_of_loadgen(run.loadgen.settings)
    return (run.name, case, run.model.graph, device, scored, loadgen)


def _asked_of_loadgen(settings: LoadgenSettings) -> LoadgenSettings:
    """Returns the settings without what LoadGen is told to expect; in Server it asks for it."""
    if settings.scenario == "Server":
        return replace(settings, sut_name="")
    return replace(settings, sut_name="", target_qps=None, target_latency_ms=None)


def same_model(a: Record, b: Record) -> str | None:
    """Returns why two records are of different models; None where they are of the same.

    The graph decides about speed; the weights count too where accuracy is measured.
    """
    if a.model is None or b.model is None:
        missing = a if a.model is None else b
        return f"{missing.id} does not say which model it ran"
    if a.model.graph != b.model.graph:
        return f"different graphs: {_named(a.model)} and {_named(b.model)}"
    if "accuracy" in (a.case.mode, b.case.mode) and a.model.sha256 != b.model.sha256:
        return f"different weights: {a.model.weights} and {b.model.weights}"
    return None


def with_known_weights(case: Case, model: ModelInfo | None) -> Case:
    """Returns the case with the weights it came to where they were chosen automatically.

    Chosen again they may be others, of another graph, and the two runs are not comparable.
    """
    if case.weights != "auto" or model is None:
        return case
    return replace(case, weights=model.weights)


def _load(record: Record) -> str:
    match record.load:
        case LoadGen(settings=settings):
            return settings.name
        case Observe():
            return f"a profile of {record.case.mode}"
    return record.case.mode


def _named(model: ModelInfo) -> str:
    return f"{model.graph} ({model.gflop_per_image:.1f} GFLOP/image)"


def _pictures(record: Record) -> str | None:
    return None if record.data is None else record.data.sha256
