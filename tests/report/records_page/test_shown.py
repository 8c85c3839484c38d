"""Names that tell records of one picture apart, and say no more than that takes."""

from __future__ import annotations

from pathlib import Path

from r50bench.report.records_page.shown import Shown, labelled, valid_in_mode
from support.records import case_of, record_of, samples_of_latencies


def labels(*cases: object, **changes: object) -> list[str]:
    records = [record_of(case=case, id=str(at)) for at, case in enumerate(cases)]  # type: ignore[arg-type]
    samples = samples_of_latencies([[10.0] * 9] * 2)
    return [one.label for one in labelled([Shown.of(one, samples, Path()) for one in records])]


def test_precision_and_engine_are_enough_where_they_differ() -> None:
    assert labels(case_of(), case_of(precision="avx_fp32"), case_of(engine="r50")) == [
        "avx_int8 torch",
        "avx_fp32 torch",
        "avx_int8 r50",
    ]


def test_the_batch_size_is_named_where_it_alone_tells_records_apart() -> None:
    assert labels(case_of(), case_of(batch_size=16), case_of(precision="avx_fp32")) == [
        "avx_int8 torch · batch 8",
        "avx_int8 torch · batch 16",
        "avx_fp32 torch",
    ]


def test_records_of_the_same_settings_are_numbered() -> None:
    assert labels(case_of(), case_of()) == ["avx_int8 torch #1", "avx_int8 torch #2"]


def test_an_invalid_record_is_in_no_mode() -> None:
    lost = Shown.of(record_of(reason="worker 0 died"), None, Path())
    assert valid_in_mode([lost], "throughput") == []
    assert lost.primary is None
