from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

import pytest

from r50bench.errors import UsageError
from r50bench.results.record import (
    Limit,
    new_record_id,
    read_record,
    write_record,
)
from support.records import case_of, record_of


@pytest.mark.parametrize(
    "record",
    [
        record_of("throughput"),
        record_of("accuracy", "avx_fp32"),
        record_of("latency", reason="worker 1 was killed by SIGKILL"),
        record_of(case=case_of(customer_env=(("A", "1"), ("B", "two words")), verbose=True)),
        record_of(limit=Limit("fma_512", 485.5, 42.6, 49.1, (0, 1), "2026-01-31T11:00:00+00:00")),
        record_of(model=None, engine=None, evidence=None, workers=(), samples_sha256=None),
    ],
    ids=["throughput", "accuracy", "invalid", "environment", "limit", "nothing but the request"],
)
def test_a_record_reads_back_as_it_was_written(record: Any, tmp_path: Path) -> None:
    path = write_record(record, tmp_path)
    assert read_record(tmp_path) == record
    assert read_record(path) == record


def test_a_record_from_before_limits_were_measured_still_reads(tmp_path: Path) -> None:
    path = write_record(record_of(), tmp_path)
    raw = json.loads(path.read_text())
    del raw["limit"], raw["evidence"]["gop_per_image"]
    path.write_text(json.dumps(raw))
    assert read_record(tmp_path) == record_of()


def test_a_record_is_never_overwritten(tmp_path: Path) -> None:
    write_record(record_of(id="first"), tmp_path)
    with pytest.raises(UsageError, match="never overwritten"):
        write_record(record_of(id="second"), tmp_path)
    assert read_record(tmp_path).id == "first"


def test_ids_sort_by_time_whatever_the_time_zone_and_differ_within_a_second() -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
    later_elsewhere = datetime(2026, 1, 31, 8, tzinfo=timezone(timedelta(hours=-5)))
    random = Random(1)
    first = new_record_id("inference_latency_avx_int8", noon, random)
    second = new_record_id("inference_latency_avx_int8", noon, random)
    third = new_record_id("inference_latency_avx_int8", later_elsewhere, random)
    assert re.fullmatch(r"20260131-120000_inference_latency_avx_int8_[0-9a-f]{6}", first)
    assert first != second
    assert max(first, second) < third


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a record"),
        ("{", "not a record"),
        ("[]", "no JSON object"),
        ('{"schema_version": 1}', "missing required field"),
        ('{"id": "x"}', "schema_version is None"),
        ('{"schema_version": true}', "schema_version is True"),
        ('{"schema_version": 99}', "follows schema 99, this r50bench knows up to"),
    ],
)
def test_what_is_no_record_is_refused_with_its_path(
    text: str, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(UsageError, match=complaint) as caught:
        read_record(tmp_path)
    assert str(tmp_path / "record.json") in caught.value.message
    assert caught.value.hint


def test_a_field_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    path = write_record(record_of(), tmp_path)
    raw = json.loads(path.read_text())
    raw["case"]["batch_size"] = "eight"
    path.write_text(json.dumps(raw))
    with pytest.raises(UsageError, match=re.escape("$.case.batch_size")):
        read_record(path)


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        (("case", "precision"), "avx_int4", "case.precision is 'avx_int4', and known are avx_fp32"),
        (("case", "mode"), "speed", "case.mode is 'speed'"),
        (("case", "batch_size"), 0, "case.batch_size is 0"),
        (("case", "instances"), 10**40, "case.instances"),
        (("created",), "yesterday", "created is 'yesterday', and that is no time"),
        (("accuracy",), {"total": 0, "good": 0}, "accuracy.total is 0"),
        (("accuracy",), {"total": 20, "good": 21}, "accuracy.good is 21, and only 0 to 20"),
        (("model", "gflop_per_image"), -1.0, "model.gflop_per_image is -1.0"),
        (("host",), {"model_name": ["EPYC"]}, "model_name"),
        (("host",), {"versions": {"torch": 2}}, "versions"),
        (("host",), {"caches": "48K"}, "caches"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    place: tuple[str, ...], value: object, complaint: str, tmp_path: Path
) -> None:
    path = write_record(record_of(), tmp_path)
    raw = json.loads(path.read_text())
    part = raw
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    path.write_text(json.dumps(raw))
    with pytest.raises(UsageError, match=re.escape(complaint)) as caught:
        read_record(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("depth", [900, 5_000, 100_000])
def test_a_record_nested_too_deep_is_refused(depth: int, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("[" * depth + "]" * depth)
    with pytest.raises(UsageError, match="not a record"):
        read_record(tmp_path)


def test_a_record_nested_too_deep_within_a_part_is_refused(tmp_path: Path) -> None:
    path = write_record(record_of(), tmp_path)
    text = json.dumps(json.loads(path.read_text()) | {"host": {"caches": "DEEP"}})
    path.write_text(text.replace('"DEEP"', "[" * 5_000 + "]" * 5_000))
    with pytest.raises(UsageError, match="not a record"):
        read_record(tmp_path)


def test_texts_of_a_record_move_no_cursor(tmp_path: Path) -> None:
    reason = "gone\x1b[2J\x1b]0;title\x07\nlogs: a\tb"
    write_record(record_of("latency", reason=reason), tmp_path)
    found = read_record(tmp_path).reason
    assert found == "gone\\x1b[2J\\x1b]0;title\\x07\nlogs: a\tb"


def test_a_missing_record_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such record") as caught:
        read_record(tmp_path)
    assert str(tmp_path) in caught.value.message
