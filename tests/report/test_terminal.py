from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys

import pytest

from r50bench.notices import Notice, Progress
from r50bench.report.terminal import TerminalProgress

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal(io.StringIO):
    """A stream that calls itself a terminal and counts what reaches it."""

    writes = 0

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_without_a_terminal_each_phase_note_and_warning_is_a_line() -> None:
    stream = io.StringIO()
    with TerminalProgress(stream) as progress:
        progress.phase("measuring", 100)
        progress.advance(50, "1/2")
        progress.note("weights [v1] from the cache")
        progress.warn(Notice("load", "the governor is 'ondemand'"))
    assert stream.getvalue().splitlines() == [
        "measuring",
        "weights [v1] from the cache",
        "! the governor is 'ondemand'",
    ]


def test_a_dumb_terminal_gets_plain_lines(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with TerminalProgress(terminal) as progress:
        progress.phase("measuring", 100)
    assert terminal.getvalue() == "measuring\n"


def test_quiet_leaves_only_warnings(terminal: Terminal) -> None:
    for stream in (terminal, io.StringIO()):
        with TerminalProgress(stream, quiet=True) as progress:
            progress.phase("measuring", 100)
            progress.advance(100)
            progress.note("read this")
            progress.warn(Notice("load", "heed this"))
        assert stream.getvalue() == "! heed this\n"


def test_the_bar_is_redrawn_at_most_once_a_second(terminal: Terminal, clock: Clock) -> None:
    with TerminalProgress(terminal, clock=clock) as progress:
        progress.phase("measuring", 1000)
        drawn = terminal.writes
        for done in range(900):
            clock.now += 0.001
            progress.advance(done)
        assert terminal.writes == drawn
        clock.now += 0.2
        progress.advance(901, "184 img/s")
        assert terminal.writes > drawn
        assert "184 img/s" in plain(terminal.getvalue())


def test_no_thread_draws_while_cores_are_measured(terminal: Terminal) -> None:
    import threading

    before = threading.active_count()
    with TerminalProgress(terminal) as progress:
        progress.phase("measuring", 1000)
        assert threading.active_count() == before


def test_only_a_phase_whose_end_is_known_has_a_bar(terminal: Terminal) -> None:
    with TerminalProgress(terminal) as progress:
        progress.phase("compiling")
        assert "━" not in terminal.getvalue()
        progress.phase("measuring", 10)
        assert "━" in terminal.getvalue()


def test_a_new_phase_takes_the_place_of_the_old(terminal: Terminal, clock: Clock) -> None:
    with TerminalProgress(terminal, clock=clock) as progress:
        progress.phase("compiling [avx_int8]")
        progress.phase("measuring", 10)
        terminal.truncate(0)
        clock.now += 2
        progress.advance(5)
        shown = plain(terminal.getvalue())
    assert "measuring" in shown
    assert "compiling" not in shown


def test_notes_and_warnings_are_printed_as_they_are(terminal: Terminal) -> None:
    long = "x" * 150
    with TerminalProgress(terminal) as progress:
        progress.phase("measuring", 10)
        progress.note(f"[bold]no markup[/bold] {long}")
        progress.warn(Notice("load", "heed this"))
    shown = plain(terminal.getvalue())
    assert f"[bold]no markup[/bold] {long}" in shown
    assert "! heed this" in shown


def test_the_cursor_comes_back_after_an_interrupt(terminal: Terminal) -> None:
    def interrupted() -> None:
        with TerminalProgress(terminal) as progress:
            progress.phase("measuring", 10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    text = terminal.getvalue()
    assert HIDE in text
    assert text.rindex(SHOW) > text.rindex(HIDE)


def test_a_closed_stream_never_stops_a_run(terminal: Terminal) -> None:
    for stream in (terminal, io.StringIO()):
        with TerminalProgress(stream) as progress:
            progress.phase("loading")
            stream.close()
            progress.phase("measuring", 10)
            progress.advance(5)
            progress.note("a")
            progress.warn(Notice("load", "b"))


def test_it_is_a_progress() -> None:
    progress: Progress = TerminalProgress(io.StringIO())
    assert progress


_SCRIPT = """
from r50bench.notices import Notice
from r50bench.report.terminal import TerminalProgress
with TerminalProgress() as progress:
    progress.phase("measuring", 10)
    progress.warn(Notice("load", "heed this"))
    progress.advance(10)
"""


def test_a_real_terminal_shows_the_bar_and_gets_its_cursor_back() -> None:
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={"PYTHONPATH": ":".join(sys.path), "TERM": "xterm", "COLUMNS": "100"},
        stderr=theirs,
        check=True,
        timeout=30,
    )
    os.close(theirs)
    text = os.read(ours, 65536).decode()
    os.close(ours)
    assert "measuring" in plain(text)
    assert "! heed this" in plain(text)
    assert text.rindex(SHOW) > text.rindex(HIDE)
