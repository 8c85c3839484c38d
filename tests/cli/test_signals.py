"""What a second signal does while the first is being cleaned up after."""

from __future__ import annotations

import signal

import pytest

from support.command_line import Call

PROGRAM = """
import os, signal, time, click
from r50bench.cli.main import cli, main

@cli.command("stop")
def stop():
    try:
        os.kill(os.getpid(), {sign})
    finally:
        time.sleep({pause})
        os.kill(os.getpid(), {sign})
        print("cleaned up")

main()
"""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_ends_the_process_with_130_whatever_is_being_cleaned_up(
    r50bench_process: Call, sign: signal.Signals
) -> None:
    # Whoever runs the tests by nohup has hangups ignored.
    heeding = f"import signal; signal.signal({int(sign)}, signal.SIG_DFL)\n" + PROGRAM
    answer = r50bench_process("stop", program=heeding.format(sign=int(sign), pause=0.7))
    assert (answer.code, answer.out) == (130, "")
    assert "interrupted twice: ended without cleaning up" in answer.err


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_same_signal_that_arrives_twice_at_once_is_one(
    r50bench_process: Call, sign: signal.Signals
) -> None:
    answer = r50bench_process("stop", program=PROGRAM.format(sign=int(sign), pause=0))
    assert (answer.code, answer.out) == (130, "cleaned up\n")
    assert answer.err == "r50bench: interrupted\n"


def test_what_is_ignored_stays_ignored(r50bench_process: Call) -> None:
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + PROGRAM
    answer = r50bench_process("stop", program=program.format(sign=int(signal.SIGINT), pause=0))
    assert (answer.code, answer.out) == (0, "cleaned up\n")
