"""The canary on this machine: it looks, says where, and knows who waits. No figure is judged."""

from __future__ import annotations

import os
import subprocess
import threading
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


def test_a_look_takes_some_time_on_the_cpu_of_its_thread(library, bound):
    canary = Canary(library, [threading.get_native_id()])
    took_ns, waited_ns = canary.look()
    assert took_ns > 100
    assert waited_ns >= -1
    assert canary.cpus() == (bound,)
    canary.close()


def test_a_thread_that_shares_its_cpu_is_seen_to_wait(library, bound):
    canary = Canary(library, [threading.get_native_id()])
    if canary.look()[1] < 0:
        pytest.skip("this kernel does not tell for how long threads wait")
    hog = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    try:
        waited_ns = max(canary.look()[1] for _ in range(200_000))
    finally:
        hog.kill()
        hog.wait()
    assert waited_ns > 100_000
    canary.close()


def test_a_thread_of_which_the_kernel_says_nothing_is_left_out(library):
    canary = Canary(library, [])
    assert canary.look()[1] == -1


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
