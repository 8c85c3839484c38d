"""What batches know of their cores, by looks around them; by a clock that only batches move."""

from __future__ import annotations

from r50bench.measure.loads.closed_loop import closed_loop
from r50bench.measure.loads.looks import by_batch


class Machine:
    """Batches and looks take what is scripted; looks find what is scripted, and say what is due."""

    def __init__(self, batches_ns, looks, pause_ns):
        self.now = 0
        self.batches_ns = iter(batches_ns)
        self.looks = iter(looks)
        self.pause_ns = pause_ns
        self.taken = []

    def clock(self):
        return self.now

    def infer(self, batch):
        self.now += next(self.batches_ns)

    def begin(self, most):
        self.most = most

    def look(self, after_ns):
        cost_ns, canary_ns, waited_ns = next(self.looks)
        self.taken.append((after_ns, canary_ns, waited_ns))
        self.now += cost_ns
        return self.now + self.pause_ns

    def found(self):
        return self.taken


def looped(batches_ns, looks, pause_ns=0):
    machine = Machine(batches_ns, looks, pause_ns)
    starts, ends, _ = closed_loop(
        machine.infer,
        ["a"],
        len(batches_ns),
        at_ns=0,
        clock=machine.clock,
        tick=lambda: None,
        watch=machine,
    )
    return machine, starts, ends, by_batch(machine.found(), ends)


def test_a_look_lies_before_the_first_batch_and_after_each_and_in_the_time_of_none():
    machine, starts, ends, (canary, waited) = looped(
        [10_000, 20_000, 10_000], [(5, 100, 0), (5, 140, 7), (5, 110, 0), (5, 90, 3)]
    )
    assert [after_ns for after_ns, _, _ in machine.taken] == [0, 10_005, 30_010, 40_015]
    assert [end - start for start, end in zip(starts, ends, strict=True)] == [
        10_000,
        20_000,
        10_000,
    ]
    assert starts == [5, 10_010, 30_015]
    assert canary == [140, 140, 110]
    assert waited == [7, 0, 3]


def test_batches_between_two_looks_have_the_slower_of_them_and_all_that_was_waited():
    machine, _, _, (canary, waited) = looped(
        [500] * 6, [(1, 100, 0), (1, 300, 8), (1, 120, 0)], pause_ns=2_000
    )
    assert len(machine.taken) == 3
    assert canary == [300] * 6
    assert waited == [8, 8, 8, 8, 0, 0]


def test_there_is_room_for_a_look_after_each_batch():
    machine, _, _, _ = looped([500] * 6, [(1, 100, 0)] * 7)
    assert machine.most == len(machine.taken) == 7


def test_the_last_batch_is_looked_at_however_short_it_was():
    _, _, _, (canary, _) = looped([1], [(1, 100, 0), (1, 200, 0)], pause_ns=2_000)
    assert canary == [200]
