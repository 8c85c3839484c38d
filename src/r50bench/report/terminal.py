"""Progress on the terminal: one live line, or plain lines where nobody watches."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from r50bench.notices import Notice

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress_bar import ProgressBar

__all__ = ["TerminalProgress"]

_REFRESH_EVERY_S = 1.0


class TerminalProgress:
    """Tells the user at the terminal what goes on; a :class:`r50bench.notices.Progress`.

    On a terminal, the current phase is one line with a bar that is redrawn at most once a second
    and never by a thread of its own, since every core may be under measurement. Elsewhere each
    phase is a line. Notes and warnings stay above the bar; warnings begin with ``! ``. With
    ``quiet``, only warnings are shown. A stream that can no longer be written to is given up in
    silence.

    Leaving the context, for whatever reason, removes the bar and restores the cursor.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._clock = clock
        self._live = not quiet and _is_terminal(self._stream)
        self._bar: Bar | None = None
        self._drawn_at = 0.0
        self._lost = False

    def phase(self, title: str, total: int | None = None) -> None:
        """Starts a phase of ``total`` units (None: unknown), ending the one before it."""
        if self._live:
            self._attempt(lambda: self._draw_phase(title, total))
        elif not self._quiet:
            self._attempt(lambda: self._write(title))

    def advance(self, done: int, detail: str = "") -> None:
        """Says that ``done`` units of the current phase are finished in all."""
        now = self._clock()
        if self._bar is not None and now - self._drawn_at >= _REFRESH_EVERY_S:
            self._drawn_at = now
            self._attempt(lambda: self._draw_progress(done, detail))

    def note(self, text: str) -> None:
        if not self._quiet:
            self._attempt(lambda: self._write(text))

    def warn(self, notice: Notice) -> None:
        """Says something that affects the figures or ignores part of the request."""
        self._attempt(lambda: self._write(f"! {notice}"))

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            self._attempt(bar.stop)

    def _attempt(self, action: Callable[[], None]) -> None:
        """Does ``action``, unless the stream has failed: a run must not die of a closed pipe."""
        if self._lost:
            return
        try:
            action()
        except (OSError, ValueError):  # ValueError is what a closed stream raises
            self._lost = True

    def _write(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=self._stream, flush=True)

    def _draw_phase(self, title: str, total: int | None) -> None:
        if self._bar is None:
            self._bar = _new_bar(self._stream)
            self._bar.start()
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        self._bar.add_task(title, total=total, detail="")
        self._drawn_at = self._clock()
        self._bar.refresh()

    def _draw_progress(self, done: int, detail: str) -> None:
        assert self._bar is not None
        self._bar.update(self._bar.task_ids[-1], completed=done, detail=detail)
        self._bar.refresh()


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def _new_bar(stream: TextIO) -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class KnownShare(BarColumn):
        """A bar only where the end is known; rich's pulse would stand still and look full."""

        def render(self, task: Task) -> ProgressBar | Text:  # type: ignore[override]
            return Text("") if task.total is None else super().render(task)

    return Progress(
        TextColumn("{task.description}", markup=False),
        KnownShare(bar_width=30),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeRemainingColumn(),
        console=Console(file=stream, force_terminal=True),
        auto_refresh=False,
        transient=True,
    )
