"""What is known of a run, in the words of queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r50bench.case import Case
from r50bench.engines.registry import recorded_engine
from r50bench.load import LoadgenSettings
from r50bench.mlperf.query.figures import accuracy_percent, performance
from r50bench.mlperf.query.vocabulary import FIXED, KEYS, LATENCIES
from r50bench.results.record import LoadgenResult, Record

__all__ = ["facts_of_record", "facts_of_request", "tags_of_record"]


def tags_of_record(record: Record) -> frozenset[str]:
    tags = {"main_job" if record.loadgen is None else "loadgen_output"}
    if record.data is not None and record.data.kind == "real":
        tags.add("classified_imagenet")
    return frozenset(tags)


def facts_of_request(case: Case, loadgen: LoadgenSettings | None) -> dict[str, Any]:
    """Returns the value of every key that a run is given; None where there is none."""
    facts: dict[str, Any] = dict(FIXED) | {"framework": recorded_engine(case.engine).query_word}
    for key in KEYS.values():
        if key.role == "parameter":
            facts[key.name] = getattr(case, key.field, None)
        elif key.role == "loadgen" and loadgen is not None:
            facts[key.name] = getattr(loadgen, key.field)
    return {name: _known(value) for name, value in facts.items()}


def _known(value: Any) -> Any:
    return None if value in ("", ()) else value


def facts_of_record(record: Record, primary: float | None = None) -> dict[str, Any]:
    """Returns the value of every key for a record; None where there is none.

    ``primary`` is the primary figure of a record of the main job, which counts as its performance
    where it measured any.
    """
    case, loadgen = record.case, record.loadgen
    facts = facts_of_request(case, loadgen.settings if loadgen else None)
    if loadgen is None:
        facts |= {
            key.name: _known(getattr(case, key.field))
            for key in KEYS.values()
            if key.of_closed_loop
        }
    facts |= {key.name: _known(_at(record, key.path)) for key in KEYS.values() if key.path}
    if record.model is not None:
        facts["weights"] = record.model.weights
    return facts | {
        "accuracy": accuracy_percent(record),
        "performance": _performance(record, loadgen, primary),
        **{key: loadgen and loadgen.percentiles_ns.get(name) for key, name in LATENCIES.items()},
    }


def _at(record: Record, path: str) -> Any:
    """Returns what stands at a path of a record, None where it, or what leads to it, is absent."""
    value: Any = record
    for name in path.split("."):
        if value is None:
            return None
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name)
    return value


def _performance(
    record: Record, loadgen: LoadgenResult | None, primary: float | None
) -> float | None:
    if loadgen is None:
        return primary if record.case.mode != "accuracy" else None
    return performance(loadgen)
