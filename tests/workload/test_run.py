"""What a command says is shown and kept, and how it ended is told."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from r50bench.workload.run import run_logged

SPEAKER = "import sys; print('figure'); print('progress', file=sys.stderr)"


def test_both_streams_are_shown_as_they_are_and_kept_together(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status = run_logged([sys.executable, "-c", SPEAKER], tmp_path / "log")
    assert status == 0
    assert capfd.readouterr() == ("figure\n", "progress\n")
    assert sorted((tmp_path / "log").read_text().splitlines()) == ["figure", "progress"]


def test_the_exit_code_is_the_command_s(tmp_path: Path) -> None:
    assert run_logged([sys.executable, "-c", "raise SystemExit(6)"], tmp_path / "log") == 6


def test_a_command_that_was_killed_has_the_code_of_a_shell(tmp_path: Path) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_logged([sys.executable, "-c", program], tmp_path / "log") == 137


def test_what_is_no_longer_read_is_kept_to_the_end(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from r50bench.workload.run import run_logged\n"
        "sys.exit(run_logged([sys.executable, '-c', 'print(\"x\" * 999_999)'], Path('log')))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 0
    assert (tmp_path / "log").stat().st_size == 1_000_000


def test_an_interruption_is_passed_on_and_the_end_waited_for(tmp_path: Path) -> None:
    """The command says when it runs, which interrupts this process; then it cleans up."""
    program = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "os.kill(os.getppid(), signal.SIGINT)\n"
        "signal.sigwait({signal.SIGTERM})\n"
        "print('cleaned up'); sys.exit(130)"
    )
    assert threading.current_thread() is threading.main_thread()
    assert run_logged([sys.executable, "-c", program], tmp_path / "log") == 130
    assert (tmp_path / "log").read_text() == "cleaned up\n"


def test_the_command_is_given_no_input(tmp_path: Path) -> None:
    program = "import sys; print(repr(sys.stdin.read()))"
    former = os.dup(0)
    read, write = os.pipe()
    try:
        os.dup2(read, 0)
        assert run_logged([sys.executable, "-c", program], tmp_path / "log") == 0
    finally:
        os.dup2(former, 0)
        for descriptor in (former, read, write):
            os.close(descriptor)
    assert (tmp_path / "log").read_text() == "''\n"
