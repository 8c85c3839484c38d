"""What repeats the records of a page, as lines for a shell."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from r50bench.load import LoadgenSettings, Observe
from r50bench.report.records_page import Shown, run_command
from r50bench.report.records_page.details import repeat_lines
from r50bench.results.record import Record
from support.records import case_of, record_of, samples_of_latencies
from support.scripted_loadgen import result_of


def lines(*records: Record) -> list[str]:
    samples = samples_of_latencies([[10.0] * 100] * 2)
    return list(repeat_lines([Shown(one, samples, Path("runs") / one.id, {}) for one in records]))


def test_weights_that_were_chosen_automatically_are_asked_for_by_name() -> None:
    record = record_of(graph="v1.5")
    assert record.case.weights == "auto"
    assert "--weights=v1.5" in run_command(record.case, record.model).split()


def test_weights_that_were_asked_for_are_asked_for_again() -> None:
    record = record_of(case=case_of(weights="v1:my weights.pt"))
    assert "--weights=v1:my weights.pt" in shlex.split(run_command(record.case, record.model))


def test_of_a_gpu_it_is_said_when_it_had_no_graph_and_not_when_it_had_one() -> None:
    without = case_of(precision="cuda_fp16", device="cuda")
    assert "--no-cuda-graph" in run_command(without, None)
    assert "cuda-graph" not in run_command(replace(without, cuda_graph=True), None)


def test_an_accuracy_run_is_repeated_without_what_has_no_effect_on_it() -> None:
    record = record_of("accuracy", id="right")
    replay, line = lines(record)
    assert replay == "r50bench replay runs/right"
    assert line == (
        "r50bench run inference_accuracy_avx_int8 --batch-size=8 --instances=2"
        " --cores-per-instance=1 --weights=v1 --no-tuned"
    )


def test_a_record_that_no_replay_takes_is_repeated_by_its_case_alone() -> None:
    (line,) = lines(record_of(id="dead", reason="worker 1 died"))
    assert line.startswith("r50bench run inference_throughput_avx_int8 ")


def test_a_profile_is_repeated_by_another_profile_of_as_many_rounds() -> None:
    case = case_of(steps=4, repeat=9, warmup_steps=1)
    (line,) = lines(record_of(case=case, load=Observe(9, 4)))
    assert line == (
        "r50bench profile inference_throughput_avx_int8 --batch-size=8 --warmup-steps=1"
        " --instances=2 --cores-per-instance=1 --weights=v1 --rounds=9 --no-tuned"
    )


def test_the_processes_of_one_call_are_repeated_by_one_call() -> None:
    several = [record_of(id=f"{number}", invocation="call") for number in range(3)]
    (line,) = lines(*several, record_of(id="alone"))[4:-1]
    assert line.endswith(" --processes=3")


def test_a_loadgen_run_is_repeated_by_its_replay_alone() -> None:
    record = record_of(id="asked", loadgen=result_of(LoadgenSettings()))
    assert lines(record) == ["r50bench replay runs/asked"]
