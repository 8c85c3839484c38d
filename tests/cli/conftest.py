"""The command line, run in this process or in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import r50bench
from r50bench.cli.main import run_command_line
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.parameters import PARAMETERS
from support import synthetic_hosts
from support.command_line import Answer, Call


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Neither parameters nor what was tuned on this machine.
    monkeypatch.setenv("R50BENCH_DATA", str(tmp_path / "data"))
    for parameter in PARAMETERS:
        for variable in parameter.variables:
            monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    """The machine that the command line finds itself on: two Zen 5 cores."""
    machine = synthetic_hosts.two_core_vm()
    monkeypatch.setattr(topology, "read_host", lambda: machine)
    return machine


@pytest.fixture
def r50bench_here(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command line in this process."""

    def call(*args: str) -> Answer:
        code = run_command_line(args)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


def _answer(
    command: list[str], folder: Path, environment: dict[str, str], timeout_s: float
) -> Answer:
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        cwd=folder,
        env=environment,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def r50bench_process(tmp_path: Path) -> Call:
    """Runs the command line in a process of its own, in an empty folder."""
    source = Path(r50bench.__file__).parents[1]

    def call(
        *args: str,
        program: str = "from r50bench.cli.main import main; main()",
        **variables: str,
    ) -> Answer:
        environment = os.environ | {"PYTHONPATH": str(source)} | variables
        return _answer(["-c", program, *args], tmp_path, environment, 120)

    return call


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for the tests of one file, empty at first."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def fake_environment(cache: Path, tmp_path: Path) -> dict[str, str]:
    """The variables for a process in which the fake engine takes 2 ms for any batch."""
    return os.environ | {
        "PYTHONPATH": str(Path(r50bench.__file__).parents[1]),
        "R50BENCH_CACHE": str(cache),
        "R50BENCH_DATA": str(tmp_path / "data"),
        "FAKE_LATENCIES_NS": "2000000",
        "COLUMNS": "140",
    }


@pytest.fixture
def r50bench_ended(fake_environment: dict[str, str], tmp_path: Path) -> Call:
    """Runs ``r50bench`` with the fake engine, and ends it by SIGTERM once ``begun`` is true."""

    def call(*args: str, begun: Callable[[], bool]) -> Answer:
        process = subprocess.Popen(
            [sys.executable, "-m", "r50bench", *args],
            cwd=tmp_path,
            env=fake_environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while not begun() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        return Answer(process.returncode, out, err)

    return call


@pytest.fixture
def r50bench_fake(fake_environment: dict[str, str], tmp_path: Path) -> Call:
    """Runs ``r50bench`` with the fake engine in a process of its own, in an empty folder."""

    def call(*args: str, **variables: str) -> Answer:
        return _answer(["-m", "r50bench", *args], tmp_path, fake_environment | variables, 120)

    return call
