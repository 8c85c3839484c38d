"""What of a record can be told to be wrong by itself, though every field has its type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from r50bench.case import CASE_TYPES, FUNCTIONS, MODES, Case
from r50bench.errors import UsageError
from r50bench.load import LOADGEN_MODES, SCENARIOS, LoadgenSettings
from r50bench.mlperf_rules import ROUNDS
from r50bench.precision import PRECISIONS

if TYPE_CHECKING:
    from r50bench.results.record import Accuracy, Record

__all__ = ["check_case", "check_record"]

_MOST = 2**53
"""The largest count that JSON of others keeps to the digit."""


class _Host(msgspec.Struct):
    """The keys of a host's snapshot that are read again, each absent where it was not known."""

    platform: str = ""
    fingerprint: str | None = None
    machine: str | None = None
    model_name: str | None = None
    sockets: int = 1
    cores: int = 0
    cores_in_machine: int = 0
    memory_bytes: int | None = None
    frequency_max_khz: int | None = None
    distribution: str | None = None
    kernel: str | None = None
    glibc: str | None = None
    container: str | None = None
    caches: list[dict[str, Any]] = []
    versions: dict[str, str] = {}


def check_record(record: Record) -> None:
    """Looks at the values of a record that was read.

    Raises:
        UsageError: one cannot be; the message names its field.
    """
    for field, value, wanted in _wrong(record):
        raise UsageError(
            f"not a record: {field} is {value!r}, and {wanted}",
            hint="a record is written once and whole: take it from where it was copied",
        )
    try:
        msgspec.convert(record.host, _Host)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"not a record: host: {error}",
            hint="a record is written once and whole: take it from where it was copied",
        ) from error


def check_case(case: Case) -> None:
    """Looks at the values of a case that was read.

    Raises:
        ValueError: one cannot be; the message names its field.
    """
    for field, value, wanted in _wrong_in_case(case):
        raise ValueError(f"{field} is {value!r}, and {wanted}")


def _wrong(record: Record) -> Iterator[tuple[str, object, str]]:
    """Yields field, value and what would be right of each value that cannot be."""
    yield from _wrong_in_case(record.case)
    try:
        datetime.fromisoformat(record.created)
    except ValueError:
        yield "created", record.created, "that is no time"
    if record.accuracy is not None:
        yield from _wrong_in_accuracy(record.accuracy)
    if record.loadgen is not None:
        yield from _wrong_in_loadgen(record.loadgen.settings)
    positive = {
        "limit.gop_per_s": record.limit.gop_per_s if record.limit else None,
        "model.gflop_per_image": record.model.gflop_per_image if record.model else None,
        "evidence.gop_per_image": record.evidence.gop_per_image if record.evidence else None,
    }
    for field, value in positive.items():
        if value is not None and not value > 0:
            yield field, value, "only a positive number can be right"


def _wrong_in_case(case: Case) -> Iterator[tuple[str, object, str]]:
    words = {
        "function": FUNCTIONS,
        "mode": MODES,
        "case_type": CASE_TYPES,
        "precision": tuple(PRECISIONS),
    }
    for field, known in words.items():
        if (value := getattr(case, field)) not in known:
            yield f"case.{field}", value, f"known are {' '.join(filter(None, known))}"
    for field in ("batch_size", "cores_per_instance", "instances", "repeat"):
        value = getattr(case, field)
        if not 1 <= value <= _MOST:
            yield f"case.{field}", value, "only a count from 1 on can be right"


def _wrong_in_accuracy(accuracy: Accuracy) -> Iterator[tuple[str, object, str]]:
    if not 1 <= accuracy.total <= _MOST:
        yield "accuracy.total", accuracy.total, "only a count from 1 on can be right"
    for field in ("good", "good5"):
        value = getattr(accuracy, field)
        if value is not None and not 0 <= value <= accuracy.total:
            yield f"accuracy.{field}", value, f"only 0 to {accuracy.total} can be right"


def _wrong_in_loadgen(settings: LoadgenSettings) -> Iterator[tuple[str, object, str]]:
    words = {"scenario": SCENARIOS, "mode": LOADGEN_MODES, "seeds": tuple(ROUNDS)}
    for field, known in words.items():
        if (value := getattr(settings, field)) not in known:
            yield f"loadgen.settings.{field}", value, f"known are {' '.join(known)}"
