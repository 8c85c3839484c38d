from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from r50bench.engines import child
from r50bench.engines.child import run_child


@pytest.fixture
def program(tmp_path):
    """Writes a module and returns the environment in which ``python -m program`` finds it."""

    def write(text: str) -> dict[str, str]:
        (tmp_path / "program.py").write_text(text)
        return {**os.environ, "PYTHONPATH": str(tmp_path)}

    return write


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def has_died(pid: int) -> bool:
    """A busy machine gives what was killed no time to end at once."""
    deadline = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def test_what_a_child_prints_is_kept(program):
    environment = program("import sys; print('out', sys.argv[1]); print('err', file=sys.stderr)")
    log = run_child(["program", "word"], environment, 20)
    assert log.failure is None
    assert sorted(log.tail.splitlines()) == ["err", "out word"]


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
    ],
)
def test_how_a_child_failed_is_said(program, text, failure):
    assert run_child(["program"], program(text), 20).failure == failure


def test_only_the_end_of_a_long_log_is_kept(program):
    log = run_child(["program"], program("for i in range(9999): print(i)"), 20)
    assert log.tail.splitlines() == [str(i) for i in range(9999 - 25, 9999)]


def test_a_child_that_takes_too_long_dies_with_its_own_children(program, tmp_path):
    environment = program(
        "import subprocess, time, pathlib\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    log = run_child(["program"], environment, 2)
    assert log.failure == "did not end within 2 s"
    assert has_died(int((tmp_path / "pid").read_text()))


def test_an_interrupt_kills_the_child_at_once(program, monkeypatch):
    started = []

    class Interrupted(child.subprocess.Popen):
        def wait(self, timeout=None):
            if not started:
                started.append(self.pid)
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(child.subprocess, "Popen", Interrupted)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_child(["program"], program("import time; time.sleep(60)"), 60)
    assert time.monotonic() - began < 2
    assert not is_alive(started[0])


def test_a_child_dies_with_a_parent_that_is_killed(program, tmp_path):
    environment = program(
        "import os, pathlib, sys, time\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "file.with_suffix('.new').write_text(str(os.getpid()))\n"
        "file.with_suffix('.new').rename(file)\n"
        "time.sleep(60)\n"
    )
    file = tmp_path / "pid"
    parent = parent_of_program(file, environment)
    pid = int(file.read_text())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_alive(pid))


def parent_of_program(file, environment) -> subprocess.Popen:
    """Starts what runs the program as its child, once the program has written ``file``."""
    text = (
        "import os, sys; from r50bench.engines.child import run_child;"
        "run_child(['program', sys.argv[1]], os.environ, 60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", text, str(file)], env=environment)
    wait_until(file.exists)
    return parent


def wait_until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_compiler_that_a_child_runs_dies_with_a_parent_that_is_killed(program, tmp_path):
    # As g++ does: a program that has another one at work.
    environment = program(
        "import subprocess, sys\n"
        "subprocess.run(['sh', '-c', 'sleep 60 & echo $! > ' + sys.argv[1] + '.new;'\n"
        "    ' mv ' + sys.argv[1] + '.new ' + sys.argv[1] + '; wait'])\n"
    )
    file = tmp_path / "pid"
    parent = parent_of_program(file, environment)
    pid = int(file.read_text())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    began = time.monotonic()
    wait_until(lambda: not is_alive(pid))
    assert time.monotonic() - began < 2
