"""A process that ends with the one that started it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_dies_with_its_parent_even_when_that_is_killed():
    child = (
        "import sys, time; from r50bench.host.lifeline import die_with_parent;"
        "die_with_parent(int(sys.argv[1])); print('bound', flush=True); time.sleep(60)"
    )
    parent = (
        "import os, subprocess, sys, time;"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}, str(os.getpid())],"
        " stdout=subprocess.PIPE); p.stdout.readline(); print(p.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        assert is_alive(pid)
        started.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 2
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(pid)
