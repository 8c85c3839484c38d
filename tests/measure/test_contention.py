"""The CPU time that others had, from the kernel's own counters."""

from __future__ import annotations

import os
import time

from hogs import hog
from r50bench.measure.contention import lost_ns

CPU = min(os.sched_getaffinity(0))


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_waiting_of_all_threads_and_what_was_stolen_of_the_cpus_add_up(tmp_path):
    write(tmp_path, "proc/self/task/10/schedstat", "999 4000 3\n")
    write(tmp_path, "proc/self/task/11/schedstat", "999 500 3\n")
    stat = "cpu  9 9 9 9 9 9 9 99 0 0\ncpu0 9 9 9 9 9 9 9 2 0 0\ncpu1 9 9 9 9 9 9 9 7 0 0\n"
    write(tmp_path, "proc/stat", stat)
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    assert lost_ns([0], tmp_path) == 4500 + 2 * tick_ns
    assert lost_ns([0, 1], tmp_path) == 4500 + 9 * tick_ns


def test_a_kernel_that_does_not_count_gives_nothing(tmp_path):
    assert lost_ns([0], tmp_path) is None
    (tmp_path / "proc/self/task/10").mkdir(parents=True)
    write(tmp_path, "proc/stat", "cpu0 9 9 9 9 9 9 9 2 0 0\n")
    assert lost_ns([0], tmp_path) is None


def test_a_thread_that_shares_its_cpu_loses_time():
    before_binding = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CPU})
    try:
        with hog(CPU):
            before, began = lost_ns([CPU]), time.perf_counter()
            while time.perf_counter() - began < 0.5:
                pass
            lost = lost_ns([CPU]) - before
    finally:
        os.sched_setaffinity(0, before_binding)
    assert lost > 0.05e9
