"""The sentence at the head of a page claims no more than the figures bear out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from r50bench.load import Observe
from r50bench.report.records_page import Shown
from r50bench.report.records_page.answer import answers
from support.records import case_of, record_of, samples_of_latencies

GRAPHS = ("v1", "v1.5")


def run(
    mode: str, cores: int, latency_ms: float, *, steps: int = 20, graph: str = "v1", **changes: Any
) -> Shown:
    case = case_of(mode, batch_size=8, cores_per_instance=cores, **changes)
    latencies = [latency_ms + (1, -1)[step % 2] for step in range(steps)]
    samples = samples_of_latencies([latencies] * 2, images=8)
    record = record_of(case=case, id=f"{mode}-{cores}", graph=graph)
    return Shown.of(record, samples, Path("run"))


def test_the_fastest_names_those_that_the_noise_does_not_tell_from_it() -> None:
    (said,) = answers([run("throughput", 1, 10), run("throughput", 2, 10.1)])
    assert said.endswith("; it cannot be told apart from avx_int8 on torch, batch 8, 2 × 2 cores.")
    (alone,) = answers([run("throughput", 1, 10), run("throughput", 2, 20)])
    assert "told apart" not in alone


def test_the_quickest_names_them_too_also_where_there_is_no_interval() -> None:
    few = [run("latency", 1, 10, steps=2), run("latency", 2, 15, steps=2)]
    (said,) = answers(few)
    assert "it cannot be told apart from avx_int8 on torch, batch 8, 2 × 2 cores" in said


def test_processes_of_one_case_are_no_rivals_and_their_mean_is_the_figure() -> None:
    (said,) = answers([run("throughput", 1, took) for took in (10, 10, 12)])
    # 1600, 1600 and 1333.3 img/s: their geometric mean, and Student's t on the logarithms.
    assert said == (
        "avx_int8 on torch ran: 1506 ± 450 img/s over 3 processes on 2 × 1 core, batch 8."
    )


def test_the_latency_of_several_processes_is_their_mean_too() -> None:
    (said,) = answers([run("latency", 1, took) for took in (10, 10, 12)])
    # Their medians are 9, 9 and 11 ms: half of the batches take 1 ms less than the mean.
    assert said == "The latency of avx_int8 on torch at batch 8 is p50 9.62 ms over 3 processes."


def test_the_fastest_is_so_over_all_its_processes_and_not_by_the_luckiest() -> None:
    steady = [run("throughput", 2, 10), run("throughput", 2, 10)]
    (said,) = answers([run("throughput", 1, 9), run("throughput", 1, 15), *steady])
    assert said.startswith("avx_int8 on torch is the fastest: 1600 ± 0 img/s over 2 processes on")
    assert " on 2 × 2 cores, batch 8; it cannot be told apart from" in said


def test_graphs_are_never_set_side_by_side() -> None:
    v1, v15 = run("throughput", 1, 10), run("throughput", 1, 10, graph="v1.5")
    assert [sentence.partition(" img/s")[0] for sentence in answers([v1, v15])] == [
        "ResNet-50 v1: avx_int8 on torch ran: 1600 ± 70",
        "ResNet-50 v1.5: avx_int8 on torch ran: 1600 ± 70",
    ]


def test_a_rival_of_the_same_layout_is_told_by_what_differs() -> None:
    runs = [run("throughput", 1, 10), run("throughput", 1, 10, allocator="system")]
    (said,) = answers(runs)
    assert " on 2 × 1 core, batch 8, ALLOCATOR=auto; " in said
    assert said.endswith(" avx_int8 on torch, batch 8, 2 × 1 core, ALLOCATOR=system.")


def test_a_profiled_run_is_no_rival_of_one_that_was_not() -> None:
    plain = run("throughput", 1, 10)
    profiled = replace(plain, record=replace(plain.record, load=Observe(5, 4)))
    assert list(answers([profiled, plain])) == list(answers([plain]))
    assert list(answers([profiled])) == list(answers([plain]))


def test_the_quickest_is_told_from_others_of_its_layout_by_what_differs() -> None:
    (said,) = answers([run("latency", 1, 10), run("latency", 1, 20, allocator="system")])
    assert said.startswith("The shortest latency at batch 8 is avx_int8 on torch, ALLOCATOR=auto:")


def test_the_pictures_that_were_scored_are_counted_for_each_graph() -> None:
    runs = [Shown.of(record_of("accuracy", graph=graph), None, Path("run")) for graph in GRAPHS]
    assert list(answers(runs)) == [
        "ResNet-50 v1: Top-1: avx_int8 on torch 19/20.",
        "ResNet-50 v1.5: Top-1: avx_int8 on torch 19/20.",
    ]


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
