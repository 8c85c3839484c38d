"""The canary on this machine: it looks, says where, and knows who waits. No figure is judged."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from r50bench.errors import EngineError
from r50bench.host import canary as host_canary
from r50bench.host.canary import Canary, build_command, openmp_teams
from r50bench.host.toolchain import compiler_of

SOURCE = Path(host_canary.__file__).with_suffix(".cpp")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The library, built by this host's compiler."""
    try:
        compiler = compiler_of(os.environ, "no canary")
    except EngineError as error:
        pytest.skip(error.message)
    path = tmp_path_factory.mktemp("canary") / "canary.so"
    subprocess.run(build_command(compiler.words, SOURCE, path), check=True)
    return path


@pytest.fixture
def bound():
    """Binds this thread to one CPU and gives that."""
    allowed = os.sched_getaffinity(0)
    cpu = min(allowed)
    os.sched_setaffinity(0, {cpu})
    yield cpu
    os.sched_setaffinity(0, allowed)


def looked(canary):
    """Looks once; returns what was found and what was waited, in ns."""
    canary.look(time.monotonic_ns())
    return canary.found()[-1][1:]


def test_a_look_takes_some_time_on_the_cpu_of_its_thread(library, bound):
    canary = Canary(library, [threading.get_native_id()])
    took_ns, waited_ns = looked(canary)
    assert took_ns > 100
    assert waited_ns >= -1
    assert canary.cpus() == (bound,)
    canary.close()


def test_looks_are_kept_in_order_with_their_stamps_until_the_next_round_begins(library, bound):
    canary = Canary(library, [])
    canary.begin(4)
    stamps = [time.monotonic_ns() for _ in range(3)]
    due = [canary.look(stamp) for stamp in stamps]
    assert [stamp for stamp, _, _ in canary.found()] == stamps
    assert all(at > stamp for at, stamp in zip(due, stamps, strict=True))
    canary.begin(4)
    assert canary.found() == []


def test_looks_beyond_the_room_for_them_are_not_taken(library, bound):
    canary = Canary(library, [])
    canary.begin(2)
    due = [canary.look(time.monotonic_ns()) for _ in range(3)]
    assert len(canary.found()) == 2
    assert due[2] > time.monotonic_ns() + 10**15


def test_a_stamp_that_is_no_number_is_refused_as_by_any_function(library):
    with pytest.raises(TypeError):
        Canary(library, []).look("now")


@pytest.fixture
def pause_ns(library):
    """For how long nothing is looked at after looks that cost so much."""
    function = ctypes.CDLL(str(library)).canary_pause_ns
    function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_int64), ctypes.c_int64

    def pause(costs):
        row = (ctypes.c_int64 * len(costs))(*costs)
        return function(row, len(costs))

    return pause


def test_looks_are_so_far_apart_that_they_cost_half_a_thousandth_of_the_time(pause_ns):
    assert pause_ns([5_000]) == 2_000 * 5_000
    assert pause_ns([20_000, 5_000, 7_000]) == 2_000 * 7_000


def test_one_look_that_was_interrupted_or_quick_does_not_move_the_next_ones(pause_ns):
    assert pause_ns([7_000, 7_100, 3_000_000]) == 2_000 * 7_100
    assert pause_ns([7_000, 7_100, 500]) == 2_000 * 7_000


def test_the_latest_looks_say_what_one_costs(pause_ns):
    assert pause_ns([40_000] * 30 + [9_000] * 8) == 2_000 * 9_000


def test_where_every_look_has_to_wait_there_is_one_each_fifth_of_a_second(pause_ns):
    assert pause_ns([40_000_000] * 4) == 200_000_000


def test_a_thread_that_shares_its_cpu_is_seen_to_wait(library, bound):
    canary = Canary(library, [threading.get_native_id()])
    if looked(canary)[1] < 0:
        pytest.skip("this kernel does not tell for how long threads wait")
    canary.begin(200_000)
    hog = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    try:
        for _ in range(200_000):
            canary.look(time.monotonic_ns())
    finally:
        hog.kill()
        hog.wait()
    assert max(waited_ns for _, _, waited_ns in canary.found()) > 100_000
    canary.close()


def test_a_thread_of_which_the_kernel_says_nothing_is_left_out(library):
    assert looked(Canary(library, []))[1] == -1


def test_what_is_no_library_is_refused(tmp_path):
    file = tmp_path / "canary.so"
    file.write_text("no library")
    with pytest.raises(OSError, match=r"canary\.so"):
        Canary(file, [])


def test_a_process_without_openmp_has_no_team(tmp_path):
    maps = tmp_path / "proc/self/maps"
    maps.parent.mkdir(parents=True)
    maps.write_text(
        "7f00-7f01 r-xp 00000000 fe:00 12 /usr/lib/libc.so.6\n"
        "7f01-7f02 rw-p 00000000 00:00 0\n"
        "7f02-7f03 r-xp 00000000 fe:00 13 /nowhere/libgomp.so.1 (deleted)\n"
    )
    assert list(openmp_teams(tmp_path)) == []
