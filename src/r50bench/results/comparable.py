"""Whether figures of two records may stand side by side."""

from __future__ import annotations

from r50bench.load import LoadGen, Observe
from r50bench.results.record import ModelInfo, Record

__all__ = ["comparable", "same_model"]


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
