"""The CPU time that others had, from the kernel's own counters."""

from __future__ import annotations

import os
import time

from r50bench.measure.contention import Waits, Watch, lost_ns, read_busy_ns, read_waits
from support.hogs import hog

CPU = min(os.sched_getaffinity(0))


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def schedstat(root, thread, ran, waited):
    write(root, f"proc/self/task/{thread}/schedstat", f"{ran} {waited} 3\n")


def test_what_was_lost_is_that_of_the_thread_and_the_cpu_worst_off():
    before = Waits({10: 1000, 11: 2000, 12: 0}, {0: 50, 1: 60})
    after = Waits({10: 1400, 11: 2100, 13: 99_999}, {0: 51, 1: 67})
    assert lost_ns(before, after) == 400 + 7
    assert lost_ns(Waits({10: 5}, {}), Waits({10: 5}, {})) == 0
    assert lost_ns(Waits({}, {0: 1}), Waits({}, {0: 5})) is None


def test_waits_are_read_by_thread_and_stolen_time_by_cpu(tmp_path):
    schedstat(tmp_path, 10, 999, 4000)
    schedstat(tmp_path, 11, 0, 500)
    stat = "cpu  9 9 9 9 9 9 9 99 0 0\ncpu0 9 9 9 9 9 9 9 2 0 0\ncpu1 9 9 9 9 9 9 9 7 0 0\n"
    write(tmp_path, "proc/stat", stat)
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    assert read_waits([1], tmp_path) == Waits({10: 4000, 11: 500}, {1: 7 * tick_ns})


def test_a_kernel_that_does_not_count_gives_no_threads(tmp_path):
    assert read_waits([0], tmp_path) == Waits({}, {0: 0})
    schedstat(tmp_path, 10, 0, 0)
    assert read_waits([0], tmp_path).threads == {}


def test_a_thread_that_shares_its_cpu_loses_time():
    before_binding = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CPU})
    try:
        with hog(CPU):
            watch, began = Watch([CPU]), time.perf_counter()
            while time.perf_counter() - began < 0.5:
                pass
            found = watch.end()
    finally:
        os.sched_setaffinity(0, before_binding)
    assert found.wall_ns >= 0.5e9
    assert 0.05e9 < found.lost_ns < found.wall_ns


def test_work_on_another_cpu_is_seen_where_nobody_waits_for_it():
    with hog(max(os.sched_getaffinity(0))):
        watch, began = Watch([CPU]), time.perf_counter()
        time.sleep(0.5)
        found = watch.end()
    assert found.wall_ns >= 0.5e9 > found.own_ns
    assert found.busy_ns > 0.2e9
    assert time.perf_counter() - began < 60


def test_what_was_lost_is_never_more_than_the_time_that_passed(monkeypatch):
    waits = iter([Waits({1: 0}, {}), Waits({1: 10**15}, {})])
    monkeypatch.setattr("r50bench.measure.contention.read_waits", lambda cpus: next(waits))
    found = Watch([CPU]).end()
    assert found.lost_ns == found.wall_ns


def test_the_machine_s_work_is_all_but_idling_and_stolen_time(tmp_path):
    write(tmp_path, "proc/stat", "cpu  1 2 3 100 50 4 5 60 7 8\n")
    assert read_busy_ns(tmp_path) == 15 * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    write(tmp_path, "proc/stat", "cpu0 1\n")
    assert read_busy_ns(tmp_path) is None
