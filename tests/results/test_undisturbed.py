"""Undisturbed batches and what they alone give: to the digit where scripted, by simulation else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from r50bench.notices import Notice
from r50bench.results.record import Canary
from r50bench.results.samples import Samples
from r50bench.results.undisturbed import (
    core_states,
    full_speed_ns,
    slow_cores,
    states_of,
    undisturbed_latency_ns,
    undisturbed_throughput,
)
from support.records import looked_at, record_of, samples_of_latencies

FULL, SLOW = 1_700, 3_000


def test_without_looks_there_is_nothing_to_say() -> None:
    assert core_states(samples_of_latencies([[10] * 10]), {}) is None


def test_a_batch_is_undisturbed_at_full_speed_and_without_waiting() -> None:
    samples = looked_at(
        samples_of_latencies([[10, 10, 20, 10]]),
        canary_ns=[FULL, FULL, SLOW, FULL],
        waited_ns=[0, 100_000, 0, 100_001],
    )
    states = core_states(samples, {})
    assert states is not None
    assert states.full_speed.tolist() == [True, True, False, True]
    assert states.undisturbed.tolist() == [True, True, False, False]
    assert states.share(states.full_speed) == 0.75


def test_full_speed_is_each_instances_own() -> None:
    samples = looked_at(
        samples_of_latencies([[10] * 3, [10] * 3]), canary_ns=[FULL, FULL, SLOW, SLOW, SLOW, SLOW]
    )
    states = core_states(samples, {})
    assert states is not None
    assert states.full_speed_ns == {0: FULL, 1: SLOW}
    assert states.full_speed.tolist() == [True, True, False, True, True, True]


def test_what_is_known_of_the_host_shows_a_run_that_was_slow_throughout() -> None:
    samples = looked_at(samples_of_latencies([[10] * 8]), canary_ns=[SLOW] * 8)
    record = replace(record_of(), canary=Canary(((0,),), (float(FULL),)))
    states = states_of(record, samples)
    assert states is not None
    assert not states.full_speed.any()
    alone = states_of(replace(record, canary=Canary(((0,),), (None,))), samples)
    assert alone is not None
    assert alone.full_speed.all()


def test_a_burst_of_the_clock_is_not_taken_for_full_speed() -> None:
    looks = np.array([1_000] * 4 + [FULL] * 60 + [SLOW] * 36, np.int64)
    assert full_speed_ns(looks) == FULL
    assert full_speed_ns(looks, 1_600) == 1_600
    assert full_speed_ns(looks, 1_800) == FULL


def test_a_clock_that_drifts_by_some_per_cent_stays_at_full_speed() -> None:
    drift = np.linspace(FULL, 1.08 * FULL, 100).astype(np.int64)
    samples = looked_at(samples_of_latencies([[10] * 100]), canary_ns=drift)
    states = core_states(samples, {})
    assert states is not None
    assert states.full_speed.all()


def test_instances_add_up_their_medians_of_undisturbed_batches() -> None:
    # Slow batches, and the ones that another had its CPU in, count for nothing.
    rows = [[10, 10, 10, 10, 10, 10, 40, 30], [16, 16, 16, 16, 16, 16, 16, 48]]
    canary = [FULL] * 6 + [SLOW, FULL] + [FULL] * 7 + [SLOW]
    waited = [0] * 7 + [20_000_000] + [0] * 8
    samples = looked_at(samples_of_latencies(rows), canary_ns=canary, waited_ns=waited)
    states = core_states(samples, {})
    assert states is not None
    rate = undisturbed_throughput(samples, states)
    assert rate is not None
    assert rate.value == pytest.approx(8 / 0.010 + 8 / 0.016, rel=1e-12)
    latency = undisturbed_latency_ns(samples, states)
    assert latency is not None
    assert latency.value == 16_000_000


def test_time_between_batches_counts_in_throughput_and_in_no_latency() -> None:
    samples = looked_at(samples_of_latencies([[10] * 9], gap_ms=2, rounds=2), canary_ns=[FULL] * 18)
    states = core_states(samples, {})
    assert states is not None
    rate, latency = undisturbed_throughput(samples, states), undisturbed_latency_ns(samples, states)
    assert rate is not None
    assert latency is not None
    assert rate.value == pytest.approx(8 / 0.012, rel=1e-12)
    assert latency.value == 10_000_000


def test_what_an_instance_did_alone_does_not_count() -> None:
    # Instance 1 is done after 70 ms; instance 0 is twice as fast from then on.
    rows = [[10] * 7 + [5] * 20, [10] * 7]
    samples = looked_at(samples_of_latencies(rows), canary_ns=[FULL] * 34)
    states = core_states(samples, {})
    assert states is not None
    rate = undisturbed_throughput(samples, states)
    assert rate is not None
    assert rate.value == pytest.approx(2 * 8 / 0.010, rel=1e-12)


def test_too_few_undisturbed_batches_of_one_instance_give_no_throughput() -> None:
    rows = [[10] * 10, [10] * 10]
    samples = looked_at(samples_of_latencies(rows), canary_ns=[FULL] * 10 + [SLOW] * 5 + [FULL] * 5)
    states = core_states(samples, {})
    assert states is not None
    assert undisturbed_throughput(samples, states) is None
    assert undisturbed_latency_ns(samples, states) is not None


def test_batches_that_differ_as_undisturbed_ones_do_not_give_no_figure() -> None:
    # Both looks found the core at full speed, and between them it was not.
    rows = [[100, 101, 99, 100, 118, 124, 131, 130, 129]]
    looks = [FULL] * 7 + [SLOW] * 2
    samples = looked_at(samples_of_latencies(rows), canary_ns=looks)
    states = core_states(samples, {})
    assert states is not None
    assert np.sum(states.undisturbed) == 7
    assert undisturbed_throughput(samples, states) is None
    assert undisturbed_latency_ns(samples, states) is None


def test_where_cores_were_seldom_at_full_speed_both_looks_may_have_met_it_by_chance() -> None:
    for full, is_given in ((19, False), (21, True)):
        slow = 100 - full
        rows = [[10] * full + [17] * slow]
        samples = looked_at(samples_of_latencies(rows), canary_ns=[FULL] * full + [SLOW] * slow)
        states = core_states(samples, {0: float(FULL)})
        assert states is not None
        assert (undisturbed_throughput(samples, states) is not None) is is_given


@pytest.mark.parametrize(("slow_ms", "is_given"), [(10, False), (12, False), (14, True)])
def test_where_batches_do_not_feel_what_slows_the_looks_these_tell_nothing(
    slow_ms: int, is_given: bool
) -> None:
    # The loop takes 1.76 times as long: by chance, where spells are shorter than batches are.
    samples = looked_at(
        samples_of_latencies([[10] * 20 + [slow_ms] * 20]), canary_ns=[FULL] * 20 + [SLOW] * 20
    )
    states = core_states(samples, {})
    assert states is not None
    assert (undisturbed_throughput(samples, states) is not None) is is_given
    assert (undisturbed_latency_ns(samples, states) is not None) is is_given


def test_where_every_batch_between_slow_looks_waited_nobody_knows_what_they_felt() -> None:
    samples = looked_at(
        samples_of_latencies([[10] * 20 + [30] * 20]),
        canary_ns=[FULL] * 20 + [SLOW] * 20,
        waited_ns=[0] * 20 + [15_000_000] * 20,
    )
    states = core_states(samples, {})
    assert states is not None
    assert undisturbed_throughput(samples, states) is None


def test_spells_between_two_looks_spoil_a_third_of_the_batches_and_not_the_figure() -> None:
    rows = [[10] * 20 + [12, 13, 14, 15, 16, 17, 15, 14, 13, 16] + [17] * 20]
    samples = looked_at(samples_of_latencies(rows), canary_ns=[FULL] * 30 + [SLOW] * 20)
    states = core_states(samples, {})
    assert states is not None
    rate = undisturbed_throughput(samples, states)
    assert rate is not None
    assert rate.value == pytest.approx(8 / 0.010, rel=1e-12)


def test_where_nearly_all_passed_undisturbed_they_may_differ_for_reasons_of_their_own() -> None:
    samples = looked_at(samples_of_latencies([[10, 15] * 20]), canary_ns=[FULL] * 39 + [SLOW])
    states = core_states(samples, {})
    assert states is not None
    assert undisturbed_throughput(samples, states) is not None


def slow_of_ten(slow: int) -> Notice | None:
    """Returns what is said of ten batches that many of which had a slow core."""
    rows = [[10] * (10 - slow) + [17] * slow]
    samples = looked_at(samples_of_latencies(rows), canary_ns=[FULL] * (10 - slow) + [SLOW] * slow)
    states = core_states(samples, {0: float(FULL)})
    assert states is not None
    return slow_cores(samples, states)


def test_cores_that_are_often_slow_are_said_and_others_are_not() -> None:
    assert slow_of_ten(1) is None
    notice = slow_of_ten(4)
    assert notice is not None
    assert notice.code == "slow-cores"
    assert "at full speed in 60 % of the batches: others' work on the same cores" in notice.text


def test_who_has_undisturbed_figures_is_told_to_go_by_them_and_nobody_else() -> None:
    for slow, advice in ((4, "go by the undisturbed figures, or run"), (5, "run on cores that")):
        notice = slow_of_ten(slow)
        assert notice is not None
        assert notice.mend.startswith(advice)


FULL_MS = 10.0


def mixture(
    random: np.random.Generator,
    batches: int,
    slow_by: float,
    spell_ms: float,
    full_ms: float = FULL_MS,
) -> Samples:
    """Returns batches of one instance whose core is slow for spells, as long as the pauses are.

    A batch is slow by the share of its time that lies in spells, and has 2 % of noise; a look is at
    an instant. Batches take ``full_ms`` at full speed, spells last ``spell_ms`` on average.
    """
    now, state, until = 0.0, False, random.exponential(spell_ms)
    latencies, looks = [], []

    def pass_on(work_ms: float) -> float:
        nonlocal now, state, until
        begun = now
        while work_ms > 0:
            pace = slow_by if state else 1.0
            part = min(work_ms * pace, until - now)
            now, work_ms = now + part, work_ms - part / pace
            if work_ms > 1e-12:
                state, until = not state, now + random.exponential(spell_ms)
        return now - begun

    def look() -> int:
        return round((SLOW if state else FULL) * random.normal(1, 0.01))

    looks.append(look())
    for _ in range(batches):
        latencies.append(pass_on(full_ms * random.normal(1, 0.02)))
        looks.append(look())
    around = np.maximum(looks[:-1], looks[1:])
    return looked_at(samples_of_latencies([latencies]), canary_ns=around)


@pytest.mark.parametrize("spell_ms", [30.0, 100.0, 400.0])
@pytest.mark.parametrize("slow_by", [1.6, 2.5, 5.0])
def test_of_two_states_the_undisturbed_figure_is_that_of_the_fast_one(
    slow_by: float, spell_ms: float
) -> None:
    random = np.random.default_rng(round(10 * slow_by + spell_ms))
    errors, held, experienced = [], 0, []
    runs = 40
    for _ in range(runs):
        samples = mixture(random, 300, slow_by, spell_ms)
        states = core_states(samples, {})
        assert states is not None
        rate = undisturbed_throughput(samples, states)
        assert rate is not None
        assert rate.low is not None
        assert rate.high is not None
        truth = 8 / (FULL_MS * 1e-3)
        errors.append(abs(rate.value / truth - 1))
        held += rate.low <= truth <= rate.high
        experienced.append(8 * len(samples) / (np.sum(samples.latency_ns) * 1e-9) / truth)
    assert max(errors) < 0.01
    assert np.mean(experienced) < 0.85
    assert held >= 0.9 * runs


@pytest.mark.parametrize(
    ("full_ms", "slow_by"), [(30, 1.3), (30, 1.6), (60, 1.6), (100, 1.3), (100, 1.6)]
)
def test_where_batches_are_as_long_as_spells_there_is_no_figure(
    full_ms: float, slow_by: float
) -> None:
    random = np.random.default_rng(15)
    for _ in range(20):
        samples = mixture(random, 200, slow_by, 30.0, full_ms)
        states = core_states(samples, {0: float(FULL)})
        assert states is not None
        assert undisturbed_throughput(samples, states) is None
