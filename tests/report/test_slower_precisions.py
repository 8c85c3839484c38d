from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from r50bench.notices import Notice
from r50bench.report.slower_precisions import slower_precisions
from r50bench.results.record import Limit, Record
from r50bench.results.samples import Samples
from support.records import case_of, figured, record_of, samples_of_latencies

Run = tuple[Record, Samples | None]


def run(precision: str, ms: int, *, steps: int = 100, mode: str = "throughput") -> Run:
    """Batches of 8 by two instances that took about ``ms`` each."""
    row = [ms, ms, ms, ms + 1, ms - 1] * (steps // 5)
    return record_of(mode, precision), samples_of_latencies([row, row])


def limited(found: Run, instruction: str, gop_per_s: float) -> Run:
    limit = Limit(instruction, gop_per_s, 10, 10, (0, 1), "")
    return replace(found[0], limit=limit), found[1]


def told(runs: Sequence[Run]) -> tuple[Notice, ...]:
    return slower_precisions(figured(runs))


def test_a_precision_that_rounds_more_and_is_slower_is_named_with_both_figures() -> None:
    (notice,) = told([run("avx_fp32", 40), run("amx_bfloat32", 100)])
    assert notice == Notice(
        "slower-precision",
        "amx_bfloat32 is slower here than avx_fp32, which rounds less: 160.0 beside 400.0 images/s"
        " by engine torch",
        "take avx_fp32",
    )


def test_cores_that_issue_the_instruction_seldom_are_given_as_the_reason() -> None:
    fast = limited(run("avx_fp32", 40), "fma_512", 176)
    slow = limited(run("avx_bfloat16", 80), "vdpbf16ps_512", 88)
    (notice,) = told([fast, slow])
    assert notice.text.endswith("these cores do vdpbf16ps_512 at 0.50 of the rate of fma_512")


def test_limits_that_do_not_explain_it_are_not_given() -> None:
    fast = limited(run("avx_fp32", 40), "fma_512", 176)
    slow = limited(run("amx_bfloat32", 80), "tdpbf16ps", 2900)
    (notice,) = told([fast, slow])
    assert "tdpbf16ps" not in notice.text


def test_each_is_compared_with_the_fastest_that_rounds_less() -> None:
    runs = [run("avx_fp32", 50), run("amx_bfloat16", 10), run("avx_int8", 20)]
    (notice,) = told(runs)
    assert notice.text.startswith("avx_int8 is slower here than amx_bfloat16")


def test_a_precision_that_rounds_less_may_be_slower() -> None:
    assert not told([run("avx_fp32", 40), run("avx_int8", 10)])


def test_the_same_numerics_on_other_instructions_may_be_slower() -> None:
    assert not told([run("avx_int8", 40), run("amx_int8", 10)])


def test_a_difference_within_the_intervals_is_none() -> None:
    assert not told([run("avx_fp32", 40), run("avx_bfloat16", 40)])


def test_without_intervals_only_a_clear_difference_counts() -> None:
    few = [run("avx_fp32", 40, steps=5), run("avx_bfloat16", 41, steps=5)]
    assert not told(few)
    assert told([few[0], run("avx_bfloat16", 50, steps=5)])


def test_other_engines_cores_modes_and_invalid_runs_are_not_compared() -> None:
    fast, slow = run("avx_fp32", 40), run("avx_bfloat16", 80)
    other = replace(slow[0], case=case_of(precision="avx_bfloat16", engine="r50"))
    assert not told([fast, (other, slow[1])])
    alone = record_of(case=case_of(precision="avx_bfloat16", instances=1))
    assert not told([fast, (alone, samples_of_latencies([[80] * 100]))])
    assert not told([fast, run("avx_bfloat16", 80, mode="latency")])
    broken = replace(slow[0], status="invalid", reason="a worker died")
    assert not told([fast, (broken, slow[1])])
