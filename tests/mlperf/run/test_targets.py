"""What LoadGen is told to expect: pure arithmetic on the closed loop's figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r50bench.errors import RunFailed
from r50bench.mlperf.run.queueing import Service, allowed_late_share, sustainable_rate
from r50bench.mlperf.run.targets import raw_figures, with_target
from support.loadgen_targets import MS, filled, raw, service
from support.records import samples_of_latencies


def test_raw_figures_sum_throughput_and_take_the_scenarios_percentile():
    samples = samples_of_latencies([[10] * 90 + [20] * 10, [10] * 110], images=1)
    stream = raw_figures(samples, filled("SingleStream"), 1)
    assert stream.median_ns == 10 * MS
    assert stream.throughput == pytest.approx(200 - 100 * 100 / 1100, rel=0.01)


def test_rounds_on_other_clocks_are_averaged_and_not_pooled():
    slow, fast = [12] * 90 + [15] * 10, [10] * 90 + [13] * 10
    samples = samples_of_latencies([slow, fast], images=1)
    second = samples.instance
    stamps = {name: getattr(samples, name) + 10**12 * second for name in ("start_ns", "end_ns")}
    rounds = replace(samples, round=second, instance=0 * second, **stamps)
    found = raw_figures(rounds, filled("SingleStream"), 1)
    assert found.median_ns == 11 * MS
    assert found.latency_ns == pytest.approx(11.3 * MS)


def test_a_multistream_query_ends_with_its_slowest_instance():
    samples = samples_of_latencies([[10, 20] * 50, [10] * 150], images=1)
    found = raw_figures(samples, filled("MultiStream"), 1)  # 8 pictures: 4 batches of each
    assert (found.median_ns, found.latency_ns) == (60 * MS, 60 * MS)


def test_a_multistream_query_that_needs_several_batches_takes_their_time():
    samples = samples_of_latencies([[10] * 100, [10] * 100], images=1)
    assert raw_figures(samples, filled("MultiStream"), 1).median_ns == 40 * MS
    assert raw_figures(samples, filled("MultiStream"), 4).median_ns == 10 * MS


def test_an_offline_target_not_given_is_a_little_more_than_what_was_measured():
    settings, said = with_target(filled("Offline"), raw(100))
    assert settings.target_qps == pytest.approx(105)
    assert said == ()


def test_a_latency_not_given_is_one_that_queries_do_not_undercut():
    settings, said = with_target(filled("SingleStream"), raw(latency_ms=10))
    assert settings.target_latency_ms == pytest.approx(6)
    assert said == ()


@pytest.mark.parametrize(
    ("scenario", "given", "said"),
    [
        ("Offline", {"target_qps": 90.0}, "run out of samples"),
        ("Offline", {"target_qps": 1000.0}, "10.0 times as long"),
        ("SingleStream", {"target_latency_ms": 11.0}, "run out of queries"),
        ("SingleStream", {"target_latency_ms": 1.0}, "more queries than it needs"),
        ("Server", {"target_qps": 181.0}, "the queue can only grow"),
        ("Server", {"target_qps": 170.0}, "far above"),
        ("Server", {"target_qps": 1.0}, "far below"),
    ],
)
def test_a_poor_guess_is_explained(scenario, given, said):
    figures = raw(180, 5.5) if scenario == "Server" else raw(100, 10)
    _, notices = with_target(filled(scenario, **given), figures, service(5.5))
    (notice,) = notices
    assert said in notice.text


@pytest.mark.parametrize(
    ("scenario", "given"),
    [("Offline", {"target_qps": 120.0}), ("SingleStream", {"target_latency_ms": 8.0})],
)
def test_a_good_guess_is_taken_as_it_is(scenario, given):
    settings = filled(scenario, **given)
    assert with_target(settings, raw(100, 10), service()) == (settings, ())


def test_a_given_rate_is_never_changed():
    settings, _ = with_target(filled("Server", target_qps=5000.0), raw(100, 10), service())
    assert settings.target_qps == 5000


@settings(max_examples=6, deadline=None)
@given(latency_ms=st.floats(0.01, 14.9), instances=st.integers(1, 16))
def test_the_rate_chosen_for_server_is_below_capacity_and_grows_with_instances(
    latency_ms, instances
):
    def rate(count):
        capacity = count * 1000 / latency_ms
        chosen, _ = with_target(
            filled("Server"), raw(capacity, latency_ms), service(latency_ms, count)
        )
        assert 0 < chosen.target_qps < capacity
        return chosen.target_qps

    assert rate(instances) < rate(2 * instances)


def test_a_shorter_server_run_is_offered_less_since_fewer_of_its_queries_may_be_late():
    short, _ = with_target(filled("Server", duration_s=5.0), raw(180, 5.5), service(5.5))
    whole, _ = with_target(filled("Server"), raw(180, 5.5), service(5.5))
    assert short.target_qps < 0.8 * whole.target_qps


def test_rare_hiccups_of_the_machine_do_not_forbid_every_rate():
    hiccups = Service(np.array([5 * MS] * 400 + [40 * MS] * 2), 1, 1)
    chosen, _ = with_target(filled("Server", duration_s=5.0), raw(180, 5.5), hiccups)
    assert chosen.target_qps > 1


def test_a_machine_too_unsteady_for_any_rate_is_tried_at_a_low_one_and_called_so():
    unsteady = Service(np.array([5 * MS] * 90 + [40 * MS] * 10), 1, 1)
    chosen, said = with_target(filled("Server"), raw(180, 5.5), unsteady)
    assert 0 < chosen.target_qps < 30
    of_the_others, _ = with_target(filled("Server"), raw(180, 5.5), service(5))
    assert chosen.target_qps == pytest.approx(0.9 * of_the_others.target_qps)
    assert said[0].code == "latency-bound"
    assert "10.0 % of them over 15 ms" in said[0].text


def test_hiccups_that_come_at_any_rate_do_not_push_it_to_nearly_nothing():
    steady, unsteady = (
        Service(np.array([5 * MS] * 980 + [40 * MS] * hiccups), 1, 1) for hiccups in (0, 20)
    )
    figures, asked = raw(180, 5.5), filled("Server", duration_s=5.0)
    without, with_them = (with_target(asked, figures, one)[0] for one in (steady, unsteady))
    assert 0.89 * without.target_qps < with_them.target_qps < without.target_qps


def test_on_a_machine_without_hiccups_the_queue_alone_decides():
    asked = filled("Server", duration_s=5.0)
    chosen, _ = with_target(asked, raw(100, 10), service(10))
    at_most = allowed_late_share(asked.query_count)
    assert chosen.target_qps == 0.5 * sustainable_rate(service(10), 15 * MS, at_most)


def test_a_bound_that_a_single_query_nearly_takes_allows_a_low_rate_alone():
    chosen, said = with_target(filled("Server"), raw(75, 13.3), service(13.3))
    assert chosen.target_qps < 0.02 * 75
    assert said == ()


def test_a_batch_beyond_the_bound_can_serve_no_rate():
    with pytest.raises(RunFailed, match="no rate can be valid") as refused:
        with_target(filled("Server"), raw(100, 15.5), replace(service(15.5), batch_size=4))
    assert refused.value.hint.startswith("a smaller --batch-size, more --cores-per-instance or a")
    assert "(--target-qps) is run nevertheless" in refused.value.hint


def test_where_batches_are_of_one_picture_no_smaller_ones_are_advised():
    with pytest.raises(RunFailed) as refused:
        with_target(filled("Server"), raw(100, 15.5), service(15.5))
    assert refused.value.hint.startswith("more --cores-per-instance or a faster --precision")


def test_a_given_rate_is_run_also_where_no_rate_can_be_valid_and_that_is_said():
    asked = filled("Server", target_qps=10.0)
    chosen, (said,) = with_target(asked, raw(100, 15.5), service(15.5, 4))
    assert chosen == asked
    assert said.code == "latency-bound"
    assert "100.0 % of them over 15 ms" in said.text
