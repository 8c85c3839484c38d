"""A program that a node runs to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import r50bench
from r50bench.fleet.attended import attend

ENVIRONMENT = {**os.environ}


def program(folder: Path, text: str) -> str:
    """Makes a module that can be run by its name, and returns that."""
    (folder / "attended_program.py").write_text(text)
    return "attended_program"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    source = str(Path(r50bench.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), source))}


def test_lines_are_told_as_they_come_and_the_last_are_kept(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    name = program(
        tmp_path,
        "import sys\n"
        "print('on stdout')\n"
        "for number in range(40): print(f'line {number}', file=sys.stderr)\n"
        "sys.stderr.buffer.write(b'\\xff\\x1b[2J no newline')\n"
        "sys.exit(int(sys.argv[1]))\n",
    )
    heard: list[str] = []
    done = attend([name, "3"], environment, 60.0, heard.append)
    assert done.status == 3
    assert heard[:2] == ["line 0", "line 1"]
    assert heard[-1] == "\ufffd\\x1b[2J no newline"
    assert done.tail == tuple(heard[-25:])


def test_one_that_a_signal_ends_has_its_number(tmp_path: Path, environment: dict[str, str]) -> None:
    name = program(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert attend([name], environment, 60.0).status == -9


def test_what_it_leaves_behind_holds_nobody_up_and_is_ended(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    name = program(
        tmp_path,
        "import subprocess, sys\n"
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(left.pid, file=sys.stderr)\n",
    )
    began = time.monotonic()
    done = attend([name], environment, 300.0)
    assert time.monotonic() - began < 100
    assert done.status == 0
    assert ended(int(done.tail[-1]))


def test_one_whose_time_is_up_is_ended_with_all_that_it_has_started(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    name = program(
        tmp_path,
        "import os, subprocess, sys, time\n"
        "started = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(os.getpid(), started.pid, file=sys.stderr, flush=True)\n"
        "time.sleep(600)\n",
    )
    heard: list[str] = []
    done = attend([name], environment, 3.0, heard.append)
    assert done.status is None
    assert heard, "three seconds did not do to start Python"
    assert all(ended(int(pid)) for pid in heard[0].split())


def test_one_without_standard_error_is_waited_for_all_the_same(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    name = program(tmp_path, "import os, time\nos.close(2)\ntime.sleep(0.3)\n")
    assert attend([name], environment, 60.0).status == 0


def test_it_ends_with_the_one_who_attends_it(tmp_path: Path, environment: dict[str, str]) -> None:
    name = program(
        tmp_path,
        "import os, sys, time\nopen(sys.argv[1], 'w').write(str(os.getpid()))\ntime.sleep(600)\n",
    )
    told = tmp_path / "pid"
    attending = "import os, sys; from r50bench.fleet.attended import attend\n"
    attending += "attend(sys.argv[1:], os.environ, 600)\n"
    parent = subprocess.Popen([sys.executable, "-c", attending, name, str(told)], env=environment)
    while not (told.exists() and told.read_text()):
        assert parent.poll() is None
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    assert ended(int(told.read_text()))


def ended(pid: int) -> bool:
    """Waits for the end of a process that was killed just now."""
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False
