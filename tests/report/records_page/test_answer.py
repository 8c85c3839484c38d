"""The sentence at the head of a page claims no more than the figures bear out."""

from __future__ import annotations

from pathlib import Path

from r50bench.report.records_page import Shown
from r50bench.report.records_page.answer import answers
from support.records import case_of, record_of, samples_of_latencies


def run(
    mode: str, cores: int, latency_ms: float, *, steps: int = 20, jitter_ms: float = 1.0
) -> Shown:
    case = case_of(mode, batch_size=8, cores_per_instance=cores)
    latencies = [latency_ms + jitter_ms * (1, -1)[step % 2] for step in range(steps)]
    samples = samples_of_latencies([latencies] * 2, images=8)
    return Shown.of(record_of(case=case, id=f"{mode}-{cores}"), samples, Path("run"))


def test_the_fastest_names_those_that_the_noise_does_not_tell_from_it() -> None:
    (said,) = answers([run("throughput", 1, 10), run("throughput", 2, 10.1)])
    assert said.endswith("; it cannot be told apart from avx_int8 on torch, batch 8, 2 × 2 cores.")
    (alone,) = answers([run("throughput", 1, 10), run("throughput", 2, 20)])
    assert "told apart" not in alone


def test_the_quickest_names_them_too_also_where_there_is_no_interval() -> None:
    few = [run("latency", 1, 10, steps=2), run("latency", 2, 15, steps=2)]
    (said,) = answers(few)
    assert "it cannot be told apart from avx_int8 on torch, batch 8, 2 × 2 cores" in said


def test_a_run_of_the_same_case_is_no_rival() -> None:
    (said,) = answers([run("throughput", 1, 10), run("throughput", 1, 10.1)])
    assert "told apart" not in said


def lost(number: int) -> Shown:
    record = record_of(id=f"lost-{number}", reason=f"worker {number} was killed\nby SIGKILL")
    return Shown.of(record, None, Path("lost"))


def test_a_failed_run_says_why_it_failed() -> None:
    assert list(answers([lost(0)])) == [
        "No record here has a figure.",
        "1 of 1 record is invalid and has no figures.",
        "inference_throughput_avx_int8 on torch failed: worker 0 was killed by SIGKILL.",
    ]


def test_of_many_failed_runs_the_first_few_say_why_and_the_others_are_counted() -> None:
    said = list(answers([run("throughput", 1, 10), *map(lost, range(5))]))
    assert "5 of 6 records are invalid and have no figures." in said
    assert said[-2].endswith("worker 2 was killed by SIGKILL.")
    assert said[-1] == "'r50bench kpi' says why the other 2 failed."
