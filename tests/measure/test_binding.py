"""Binding to CPUs and memory, read back from the kernel."""

from __future__ import annotations

import errno
import mmap
import os
import threading

import pytest

from r50bench.errors import RunFailed
from r50bench.measure.binding import (
    bind_cpus,
    bind_memory,
    bind_team,
    bound_memory_nodes,
    busiest_threads,
    give_way,
    pss_bytes,
    threads_of_process,
)


def in_a_thread(task):
    """Runs ``task`` in a thread of its own, whose binding ends with it."""
    found = []
    thread = threading.Thread(target=lambda: found.append(task()))
    thread.start()
    thread.join()
    return found[0]


def test_a_bound_thread_reports_the_cpus_it_was_given_and_others_keep_theirs():
    before = os.sched_getaffinity(0)
    one = min(before)
    assert in_a_thread(lambda: bind_cpus({one})) == (one,)
    assert os.sched_getaffinity(0) == before


def test_each_thread_of_a_team_is_bound_to_a_cpu_of_its_own():
    cpus = sorted(os.sched_getaffinity(0))[:2]
    done = threading.Event()

    def lead():
        before = threads_of_process()
        helpers = [threading.Thread(target=done.wait) for _ in cpus[1:]]
        for helper in helpers:
            helper.start()
        started = sorted(threads_of_process() - before)
        bound = bind_team(started, cpus)
        teams = [os.sched_getaffinity(thread) for thread in (0, *started)]
        done.set()
        return bound, teams

    assert in_a_thread(lead) == (True, [{cpu} for cpu in cpus])


def test_a_team_of_another_size_than_its_cpus_is_left_alone():
    cpus = sorted(os.sched_getaffinity(0))

    def lead():
        return bind_team([], [cpus[0], cpus[-1]]), os.sched_getaffinity(0)

    assert in_a_thread(lead) == (False, set(cpus))


def test_a_thread_that_gives_way_is_idle_on_the_cpus_named_and_one_that_is_gone_is_passed_over():
    cpu = max(os.sched_getaffinity(0))
    named, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (named.set(), done.wait()))
    thread.start()
    named.wait()
    try:
        gone = 2**22 + 1  # above the largest that the kernel gives
        give_way([gone, thread.native_id], {cpu})
        assert os.sched_getscheduler(thread.native_id) == os.SCHED_IDLE
        assert os.sched_getaffinity(thread.native_id) == {cpu}
        assert os.sched_getscheduler(0) == os.SCHED_OTHER
    finally:
        done.set()
        thread.join()


def test_the_threads_that_compute_are_told_from_those_that_wait():
    go, end, closing = (threading.Event() for _ in range(3))
    found = []

    def compute():
        found.append(threading.get_native_id())
        go.wait()
        sum(range(3_000_000))
        end.set()
        closing.wait()

    threads = [threading.Thread(target=compute), threading.Thread(target=closing.wait)]
    before = threads_of_process()
    for thread in threads:
        thread.start()
    helpers = threads_of_process() - before

    def work():
        go.set()
        end.wait()

    assert busiest_threads(helpers, 1, work) == found
    assert busiest_threads(helpers, 0, lambda: None) == []
    closing.set()
    for thread in threads:
        thread.join()


def test_memory_bound_to_a_node_is_read_back_where_the_kernel_allows_it():
    def bind():
        return bind_memory({0}), bound_memory_nodes()

    allowed, nodes = in_a_thread(bind)
    assert nodes == ((0,) if allowed else ())


def test_pss_grows_by_what_is_touched():
    # From the kernel: malloc may hand out pages that an earlier test has touched already.
    with mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        before = pss_bytes()
        block[::4096] = b"x" * len(block[::4096])
        assert pss_bytes() - before > 48 << 20


def refuse(monkeypatch, number):
    def refused(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "sched_setaffinity", refused)


def test_who_may_not_bind_is_content_where_it_is_bound_already(monkeypatch):
    before = tuple(sorted(os.sched_getaffinity(0)))
    refuse(monkeypatch, errno.EPERM)
    assert bind_cpus(before) == before


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.EPERM, "forbids sched_setaffinity"), (errno.EINVAL, "CPU set")]
)
def test_who_may_not_bind_and_is_not_bound_fails_with_the_reason(monkeypatch, number, hint):
    refuse(monkeypatch, number)
    with pytest.raises(RunFailed, match="cannot be bound to CPU 1000") as caught:
        bind_cpus({1000})
    assert hint in caught.value.hint


def test_a_team_that_may_not_be_bound_is_left_to_roam(monkeypatch):
    refuse(monkeypatch, errno.EPERM)
    assert not bind_team([threading.get_native_id()], [1000, 1001])


def test_where_proc_does_not_show_it_memory_and_threads_are_unknown(monkeypatch):
    monkeypatch.setattr("r50bench.measure.binding.read_text", lambda root, path: None)
    assert pss_bytes() is None
    monkeypatch.setattr(os, "listdir", lambda path: (_ for _ in ()).throw(FileNotFoundError(path)))
    assert threads_of_process() == set()
