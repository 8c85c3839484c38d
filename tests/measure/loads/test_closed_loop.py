"""The closed loop, with a clock that only the engine moves."""

from __future__ import annotations

import time

from r50bench.measure.loads.closed_loop import closed_loop, timed_loop, wait_until


class ScriptedEngine:
    """Takes the scripted nanoseconds for each batch, on its own clock."""

    def __init__(self, latencies):
        self.now = 1000
        self.latencies = iter(latencies)
        self.seen = []

    def clock(self):
        return self.now

    def infer(self, batch):
        self.seen.append(batch)
        self.now += next(self.latencies)
        return f"answer to {batch} at {self.now}"


def test_every_batch_is_stamped_by_the_engines_clock_and_batches_rotate_to_end_with_the_first():
    engine = ScriptedEngine([5, 7, 11, 13, 17])
    ticks = []
    starts, ends, answer = closed_loop(
        engine.infer,
        ["a", "b", "c"],
        5,
        at_ns=0,
        clock=engine.clock,
        tick=lambda: ticks.append(engine.now),
    )
    assert starts == [1000, 1005, 1012, 1023, 1036]
    assert ends == [1005, 1012, 1023, 1036, 1053]
    assert engine.seen == ["c", "a", "b", "c", "a"]
    assert answer == "answer to a at 1053"
    assert ticks == ends


def test_nothing_starts_before_its_time():
    at_ns = time.perf_counter_ns() + 5_000_000
    wait_until(at_ns)
    assert time.perf_counter_ns() >= at_ns


def test_a_time_that_has_passed_is_not_waited_for():
    before = time.perf_counter_ns()
    wait_until(before - 10**12)
    assert time.perf_counter_ns() - before < 10**9


def test_a_timed_loop_pauses_between_batches_and_counts_a_late_waking():
    now, began = time.perf_counter_ns(), []
    starts, ends = timed_loop(
        lambda _: began.append(time.perf_counter_ns()),
        ["a"],
        at_ns=now,
        until_ns=now + 20_000_000,
        pause_ns=5_000_000,
        tick=lambda: None,
    )
    assert 2 <= len(starts) <= 5
    assert [after - before for before, after in zip(ends, starts[1:], strict=False)] == [
        5_000_000
    ] * (len(starts) - 1)
    assert all(start <= at for start, at in zip(starts, began, strict=True))
