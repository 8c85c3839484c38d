"""The main job's answer: table, sentence, and what to type next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.main_job.text import Gain, gains, main_job_text, next_commands, summary_sentence
from r50bench.measure.session import CaseResult
from r50bench.notices import Notice
from r50bench.planning.planned import Planned
from r50bench.results.record import EngineInfo
from r50bench.results.stats import Estimate
from support.records import case_of, outcome_of, record_of, samples_of_latencies

VERSIONS = {"torch": "torch 2.13.0+cpu", "r50": "kernels of r50bench"}


def result(engine: str, batch_ms: float, mode: str = "throughput", precision: str = "avx_int8"):
    """A valid run of six rounds whose batches all take ``batch_ms``."""
    case = case_of(mode, precision, engine=engine, instances=1, cores_per_instance=2, repeat=6)
    info = EngineInfo(engine, VERSIONS[engine], "cpu", "tcmalloc", None, False)
    record = record_of(case=case, engine=info, id=f"{engine}-{mode}-{precision}")
    one = samples_of_latencies([[batch_ms] * 20], images=case.batch_size)
    rounds = [
        replace(
            one,
            round=one.round + number,
            start_ns=one.start_ns + number * 10**11,
            end_ns=one.end_ns + number * 10**11,
        )
        for number in range(6)
    ]
    planned = Planned(case, (), {}, record.placement, record.load)
    return CaseResult(planned, outcome_of(record, type(one).joined(rounds)), None)


def runs(*results):
    return [(one.outcome.record, one.outcome.samples) for one in results]


def test_the_sentence_says_how_much_at_which_settings_the_most_first():
    found = gains(
        runs(
            result("torch", 20, precision="avx_fp32"),
            result("r50", 16, precision="avx_fp32"),
            result("torch", 10),
            result("r50", 5),
        )
    )
    assert [gain.ratio.value for gain in found] == pytest.approx([1.25, 2.0])
    assert summary_sentence(found) == (
        "PyTorch leaves speed on the table here: r50's kernels reach 2.00 × PyTorch (2.00–2.00)"
        " in int8 at batch 8 on 2 cores, 1.25 × PyTorch (1.25–1.25) in fp32 at batch 8."
    )


def test_where_r50_is_not_faster_nothing_is_left_on_the_table():
    found = gains(runs(result("torch", 10), result("r50", 12.5)))
    assert summary_sentence(found).startswith(
        "PyTorch leaves nothing on the table here: r50's kernels reach 0.800 × PyTorch"
    )


def test_a_difference_within_the_noise_is_none():
    same = gains(runs(result("torch", 10), result("r50", 10)))
    assert summary_sentence(same).startswith("PyTorch and r50 do not differ beyond the noise: ")


def test_a_precision_within_the_noise_does_not_hide_the_others():
    def gain(precision, ratio):
        return Gain(case_of("throughput", precision, instances=1, cores_per_instance=2), ratio)

    found = [
        gain("avx_int8", Estimate(1.23, 0.79, 2.03)),
        gain("avx_bfloat16", Estimate(1.1, 1.07, 1.19)),
        gain("avx_fp32", Estimate(1.12, 1.08, 1.2)),
    ]
    assert summary_sentence(found) == (
        "PyTorch leaves speed on the table here: r50's kernels reach 1.12 × PyTorch (1.08–1.20)"
        " in fp32 at batch 8 on 2 cores, 1.10 × PyTorch (1.07–1.19) in bf16 at batch 8;"
        " within the noise 1.23 × PyTorch (0.790–2.03) in int8 at batch 8."
    )


def test_what_has_no_row_is_said_below_the_table():
    notice = Notice("left-out", "no row of r50 in amx_int8: no kernels")
    text = main_job_text([result("torch", 10)], [], 100, [notice])
    assert "\n! no row of r50 in amx_int8: no kernels\n" in text


def test_a_precision_that_is_slower_than_a_finer_one_is_told_below_the_table():
    slow = [result("r50", 20, precision="avx_fp32"), result("r50", 40, precision="avx_bfloat16")]
    text = main_job_text(slow, (), 100)
    assert "! avx_bfloat16 is slower here than avx_fp32, which rounds less: 200.0 beside" in text


def test_without_both_engines_there_is_no_sentence():
    assert gains(runs(result("torch", 10), result("r50", 10, precision="avx_fp32"))) == []
    assert summary_sentence([]) == ""


def test_a_run_that_is_invalid_or_no_throughput_gives_no_ratio():
    broken = result("r50", 5)
    invalid = replace(broken.outcome.record, status="invalid", reason="killed")
    pairs = [*runs(result("torch", 10)), (invalid, None), *runs(result("r50", 5, "latency"))]
    assert gains(pairs) == []


@pytest.mark.parametrize("width", [80, 120])
def test_the_answer_is_heading_table_and_sentence(width):
    results = [
        result(engine, ms, mode, precision)
        for precision in ("avx_fp32", "avx_int8")
        for mode in ("throughput", "latency")
        for engine, ms in (("torch", 10), ("r50", 5))
    ]
    heading, table = main_job_text(results, [], width).split("\n\n")
    assert len(heading.splitlines()) <= 3
    assert "torch (torch 2.13.0+cpu) on cpu" in heading
    assert "r50 (kernels of r50bench) on cpu" in heading
    rows = [line.split() for line in table.splitlines() if " ± " in line]
    assert [row[:2] for row in rows[::2]] == [["avx_fp32", "torch"], ["avx_int8", "torch"]]
    assert [row[:2] for row in rows[1::2]] == [["r50", "1600"]] * 2
    assert table.splitlines()[-1].startswith("PyTorch leaves speed on the table")
    assert max(map(len, table.splitlines()[:-1])) <= width


def test_what_was_not_reached_is_shown_and_counted():
    unfinished = [case_of("throughput", "avx_int8"), case_of("latency", "avx_int8")]
    text = main_job_text([result("torch", 10, precision="avx_fp32")], unfinished, 100)
    (row,) = (line for line in text.splitlines() if line.startswith("avx_int8"))
    assert row.count("not run") == 6
    assert text.endswith("! interrupted: 2 of 3 measurements were not made\n")


def test_without_any_record_there_is_nothing_to_show():
    assert main_job_text([], [case_of()], 100) == ""


def test_the_last_lines_say_what_to_type_next():
    results = [result("torch", 10), result("r50", 5)]
    assert list(next_commands(results, "runs/job")) == [
        "# look again: r50bench kpi runs/job",
        "# where the time goes: r50bench profile inference_throughput_avx_int8 --engine r50",
    ]
    assert len(list(next_commands(results[:1], "x"))) == 2
    assert list(next_commands([result("torch", 10, "latency")], "x")) == [
        "# look again: r50bench kpi x"
    ]
