"""What a canary found, in one sentence, from a record's figures alone."""

from __future__ import annotations

from collections.abc import Mapping

from r50bench.report.core_speed import core_speed_sentence, often_disturbed
from r50bench.results.kpi import Kpi, figures_by_name
from support.records import looked_at, record_of, samples_of_latencies

FULL, SLOW = 1_700, 3_000


def figures(
    slow: int, of: int = 40, *, waited: int = 0, mode: str = "throughput"
) -> Mapping[str, Kpi]:
    """Of a record whose last ``slow`` batches ran on a slow core; those just before waited."""
    latencies = [10.0] * (of - slow) + [25.0] * slow
    waits = [0] * (of - slow - waited) + [5_000_000] * waited + [0] * slow
    samples = samples_of_latencies([latencies])
    canary = [FULL] * (of - slow) + [SLOW] * slow
    return figures_by_name(record_of(mode), looked_at(samples, canary_ns=canary, waited_ns=waits))


def test_both_figures_stand_beside_each_other() -> None:
    said = core_speed_sentence(figures(10))
    assert said is not None
    assert said.startswith(
        "the cores were at full speed in 75 % of the batches; 30 of 40 passed undisturbed from end"
        " to end: undisturbed 800.0 ± 0, as experienced "
    )
    assert said.endswith(" img/s")


def test_of_a_latency_both_are_latencies() -> None:
    said = core_speed_sentence(figures(10, mode="latency"))
    assert said is not None
    assert "undisturbed 10.00 ± 0, as experienced 1" in said
    assert said.endswith(" ms")


def test_waiting_is_told_apart_from_slow_cores() -> None:
    said = core_speed_sentence(figures(10, waited=4))
    assert said is not None
    assert "75 % of the batches, a thread waited for its CPU in 4; 26 of 40 passed" in said


def test_too_few_undisturbed_batches_are_said_to_be_too_few() -> None:
    said = core_speed_sentence(figures(3, of=8))
    assert said is not None
    assert said.endswith(
        "5 of 8 passed undisturbed from end to end, too few or too mixed to say how"
        " fast these alone are"
    )


def test_without_a_canary_there_is_no_sentence() -> None:
    found = figures_by_name(record_of(), samples_of_latencies([[10.0] * 40]))
    assert core_speed_sentence(found) is None
    assert not often_disturbed(found)


def test_one_batch_in_ten_is_often() -> None:
    assert not often_disturbed(figures(4))
    assert often_disturbed(figures(5))
