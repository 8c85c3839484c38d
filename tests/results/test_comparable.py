from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from r50bench.load import LoadgenSettings, Observe
from r50bench.results.comparable import comparable, question_of, same_model
from r50bench.results.record import DataInfo, ModelInfo, Record
from support.records import case_of, record_of
from support.scripted_loadgen import result_of

OTHER_WEIGHTS = ModelInfo("v1", "random", "9" * 64, 7.72, "seed 2020")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (record_of(precision="avx_fp32"), record_of(precision="avx_int8")),
        (record_of(), record_of(case=case_of(batch_size=64))),
        (record_of(), record_of(model=OTHER_WEIGHTS)),
        (record_of("accuracy", "avx_fp32"), record_of("accuracy", "avx_int8")),
    ],
    ids=["precisions", "batch sizes of throughput", "weights of one graph", "accuracies"],
)
def test_what_one_compares_may_be_compared(a: Record, b: Record) -> None:
    assert comparable(a, b) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"graph": "v1.5"}, "different graphs: v1 (7.7 GFLOP/image) and v1.5 (8.2 GFLOP/image)"),
        ({"id": "x", "model": None}, "x does not say which model it ran"),
        ({"id": "x", "reason": "it died"}, "x is invalid: it died"),
        ({"mode": "latency"}, "one measures throughput, the other latency"),
    ],
)
def test_what_must_not_be_compared_is_told_either_way(changes: dict[str, Any], why: str) -> None:
    good, other = record_of(), record_of(**changes)
    assert comparable(good, other) == why
    assert comparable(other, good) is not None


def test_latencies_of_different_batch_sizes_are_not_compared() -> None:
    one, eight = (record_of(case=case_of("latency", batch_size=size)) for size in (1, 8))
    assert comparable(one, eight) == ("latency is per batch, and the batch sizes differ: 1 and 8")


def test_accuracies_on_different_pictures_or_weights_are_not_compared() -> None:
    record = record_of("accuracy")
    others = replace(record, data=DataInfo("real", "other pictures", 20, "e" * 64))
    assert comparable(record, others) == "they scored different pictures"
    assert comparable(record, replace(record, model=OTHER_WEIGHTS)) == (
        "different weights: v1 and random"
    )
    assert same_model(record_of("throughput", model=OTHER_WEIGHTS), record) is not None


SERVER, OFFLINE = (LoadgenSettings(name, "PerformanceOnly") for name in ("Server", "Offline"))
KINDS = [
    *(record_of(mode, word) for mode in ("throughput", "latency") for word in ("avx_int8", "fp32")),
    record_of("accuracy"),
    record_of("accuracy", model=OTHER_WEIGHTS),
    record_of("accuracy", data=DataInfo("real", "other pictures", 20, "e" * 64)),
    record_of(graph="v1.5"),
    record_of(case=case_of(batch_size=64)),
    record_of(case=case_of("latency", batch_size=64)),
    record_of(case=case_of(engine="r50")),
    record_of(loadgen=result_of(SERVER)),
    record_of(loadgen=result_of(OFFLINE)),
    record_of(loadgen=result_of(replace(OFFLINE, mode="AccuracyOnly"))),
    record_of(load=Observe(2, 5)),
]


def test_runs_of_one_question_may_be_compared_and_no_two_of_these_ask_the_same() -> None:
    for at, a in enumerate(KINDS):
        again = replace(a, id="later", host={"kernel": "other"})
        assert question_of(again) == question_of(a)
        assert comparable(a, again) is None
        for b in KINDS[at + 1 :]:
            assert question_of(a) != question_of(b)


def test_the_question_is_not_how_long_to_measure_or_what_loadgen_is_told_to_expect() -> None:
    longer = case_of(steps=1000, warmup_steps=1, repeat=9, verbose=True, timeout_s=9, seed=1)
    assert question_of(record_of(case=longer)) == question_of(record_of())
    told = replace(OFFLINE, target_qps=100.0)
    assert question_of(record_of(loadgen=result_of(told))) == question_of(
        record_of(loadgen=result_of(OFFLINE))
    )
    asked = replace(SERVER, target_qps=100.0)
    assert question_of(record_of(loadgen=result_of(asked))) != question_of(
        record_of(loadgen=result_of(SERVER))
    )


def test_a_run_without_a_model_asks_nothing_known() -> None:
    assert question_of(record_of(model=None)) is None
