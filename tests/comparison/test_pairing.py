"""Which runs of two sides are set side by side."""

from __future__ import annotations

import pytest

from r50bench.comparison.pairing import pairs_of
from r50bench.errors import UsageError
from support.measured_runs import run_of


def test_sides_of_one_case_each_are_compared_whatever_the_case() -> None:
    base, new = run_of(10, precision="avx_fp32"), run_of(20, precision="avx_int8", batch_size=64)
    (pair,) = pairs_of([base], [new])
    assert (pair.base, pair.new) == ((base,), (new,))
    assert pair.label == "inference_throughput_avx_fp32 → inference_throughput_avx_int8"


def test_a_side_of_several_cases_is_taken_apart_by_what_tells_them_apart() -> None:
    fp32, int8 = run_of(10, precision="avx_fp32"), run_of(20, precision="avx_int8")
    latency = run_of(5, mode="latency", precision="avx_int8")
    again = run_of(21, precision="avx_int8", engine="r50")
    pairs = pairs_of([fp32, int8, latency], [again, latency])
    assert [(pair.label, pair.base, pair.new) for pair in pairs] == [
        ("inference_throughput_avx_fp32", (fp32,), ()),
        ("inference_throughput_avx_int8", (int8,), (again,)),
        ("inference_latency_avx_int8", (latency,), (latency,)),
    ]


def test_engines_and_batch_sizes_are_named_where_names_do_not_tell_cases_apart() -> None:
    torch, r50 = run_of(10, batch_size=8), run_of(20, engine="r50", batch_size=8)
    more = run_of(22, engine="r50", batch_size=64)
    labels = [pair.label for pair in pairs_of([torch, r50, more], [torch, r50, more])]
    name = "inference_throughput_avx_int8"
    assert labels == [f"{name} torch", f"{name} r50 BATCH_SIZE 8", f"{name} r50 BATCH_SIZE 64"]


def test_case_types_tell_cases_apart_and_having_none_is_not_said() -> None:
    runs = [run_of(10), run_of(5, case_type="gated")]
    labels = [pair.label for pair in pairs_of(runs, runs)]
    assert labels == ["inference_throughput_avx_int8", "inference_throughput_avx_int8_gated"]


def test_steps_do_not_make_another_case() -> None:
    runs = [run_of(10, steps=50), run_of(11, steps=60)]
    (pair,) = pairs_of(runs, runs[:1])
    assert len(pair.base) == 2


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (run_of(10, mode="latency"), "one measures throughput, the other latency"),
        (run_of(10, graph="v1.5"), "different graphs"),
    ],
)
def test_what_may_not_be_compared_is_refused_with_the_reason(new: object, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        pairs_of([run_of(10)], [new])


def test_latencies_of_different_batches_are_refused() -> None:
    with pytest.raises(UsageError, match="the batch sizes differ: 1 and 4"):
        pairs_of([run_of(5, "latency")], [run_of(5, "latency", batch_size=4)])
