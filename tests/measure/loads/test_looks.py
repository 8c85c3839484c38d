"""When the closed loop looks at its cores, by a clock that only batches and looks move."""

from __future__ import annotations

from r50bench.measure.loads.closed_loop import closed_loop
from r50bench.measure.loads.looks import Looks


class Machine:
    """Batches and looks take what is scripted; looks find what is scripted."""

    def __init__(self, batches_ns, looks):
        self.now = 0
        self.batches_ns = iter(batches_ns)
        self.looks = iter(looks)
        self.looked_at = []

    def clock(self):
        return self.now

    def infer(self, batch):
        self.now += next(self.batches_ns)

    def look(self):
        self.looked_at.append(self.now)
        cost_ns, canary_ns, waited_ns = next(self.looks)
        self.now += cost_ns
        return canary_ns, waited_ns


def looped(batches_ns, looks):
    machine = Machine(batches_ns, looks)
    taken = Looks(machine.look, machine.clock)
    starts, ends, _ = closed_loop(
        machine.infer,
        ["a"],
        len(batches_ns),
        at_ns=0,
        clock=machine.clock,
        tick=lambda: None,
        looks=taken,
    )
    return machine, starts, ends, taken.by_batch()


def test_a_look_lies_before_the_first_batch_and_after_each_and_in_the_time_of_none():
    machine, starts, ends, (canary, waited) = looped(
        [10_000, 20_000, 10_000], [(5, 100, 0), (5, 140, 7), (5, 110, 0), (5, 90, 3)]
    )
    assert machine.looked_at == [0, 10_005, 30_010, 40_015]
    assert [end - start for start, end in zip(starts, ends, strict=True)] == [
        10_000,
        20_000,
        10_000,
    ]
    assert starts == [5, 10_010, 30_015]
    assert canary == [140, 140, 110]
    assert waited == [7, 0, 3]


def test_short_batches_are_looked_at_so_seldom_that_looks_take_less_than_a_thousandth():
    batches, batch_ns, cost_ns = 30_000, 1_000, 4
    machine, _, ends, (canary, _) = looped([batch_ns] * batches, [(cost_ns, 100, 0)] * batches)
    looks = len(machine.looked_at)
    assert 1 < looks < batches / 5
    assert looks * cost_ns <= 0.001 * ends[-1]
    assert len(canary) == batches


def test_one_quick_look_among_many_does_not_let_looks_take_more_than_a_thousandth():
    batches, batch_ns = 30_000, 1_000
    looks = [(1, 100, 0), *[(4, 100, 0)] * batches]
    machine, _, ends, _ = looped([batch_ns] * batches, looks)
    assert len(machine.looked_at) * 4 <= 0.001 * ends[-1]


def test_batches_between_two_looks_have_the_slower_of_them_and_all_that_was_waited():
    # A look costs 1 ns, so that the next one comes 2,000 ns later.
    _, _, _, (canary, waited) = looped([500] * 6, [(1, 100, 0), (1, 300, 8), (1, 120, 0)])
    assert canary == [300] * 6
    assert waited == [8, 8, 8, 8, 0, 0]


def test_one_look_that_was_interrupted_does_not_put_off_the_next_ones():
    machine, _, _, _ = looped([2_000] * 5, [(1, 100, 0), (1_000_000, 100, 0), *[(1, 100, 0)] * 4])
    assert len(machine.looked_at) == 6


def test_where_every_look_has_to_wait_there_is_one_each_fifth_of_a_second():
    ms = 1_000_000
    machine, _, _, _ = looped([50 * ms] * 10, [(40 * ms, 100, 0)] * 4)
    assert machine.looked_at == [0, 240 * ms, 480 * ms, 620 * ms]


def test_the_last_batch_is_looked_at_however_short_it_was():
    _, _, _, (canary, _) = looped([1], [(1, 100, 0), (1, 200, 0)])
    assert canary == [200]
