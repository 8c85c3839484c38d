"""What is known of a run, in the words of queries."""

from __future__ import annotations

from typing import Any

from r50bench.case import Case
from r50bench.engines.registry import recorded_engine
from r50bench.load import LoadgenSettings
from r50bench.mlperf.query.figures import accuracy_percent, performance
from r50bench.mlperf.query.vocabulary import FIXED, KEYS
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
            if key.role == "result" and key.field
        }
    if record.model is not None:
        facts |= {"graph": record.model.graph, "weights": record.model.weights}
        facts["weights_sha256"] = record.model.sha256
    return facts | {
        "accuracy": accuracy_percent(record),
        "compliant": loadgen.compliant if loadgen else None,
        "cpu": record.host.get("model_name"),
        "created": record.created,
        "engine_version": record.engine.version if record.engine else None,
        "host": record.host.get("fingerprint"),
        "id": record.id,
        "name": record.name,
        "performance": _performance(record, loadgen, primary),
        "r50bench_version": record.r50bench_version,
        "reason": record.reason,
        "status": record.status,
        "verdict": loadgen.verdict or None if loadgen else None,
    }


def _performance(
    record: Record, loadgen: LoadgenResult | None, primary: float | None
) -> float | None:
    if loadgen is None:
        return primary if record.case.mode != "accuracy" else None
    return performance(loadgen)
