"""A session's progress told as that of one point of many: one phase, and no lines of its own."""

from __future__ import annotations

from r50bench.case import Case
from r50bench.progress import Progress

__all__ = ["PointProgress"]


class PointProgress:
    """A :class:`r50bench.progress.Progress` for sessions; each warning is passed on only once."""

    def __init__(self, outer: Progress) -> None:
        self._outer = outer
        self._finished = 0
        self._current = 0
        self._detail = ""
        self._said: set[str] = set()

    def begin(self, title: str, case: Case) -> None:
        """Starts the phase of a session of ``case``, counted in batches of all instances."""
        self._finished = self._current = 0
        batches = ((case.steps or 0) + case.warmup_steps) * case.instances
        self._outer.phase(title, batches if case.steps else None)

    def phase(self, title: str, total: int | None = None) -> None:
        """Notes a session's own phase beside the point's."""
        self._finished += self._current
        self._current = 0
        self._detail = title.rpartition("  ")[2]
        self._outer.advance(self._finished, self._detail)

    def advance(self, done: int, detail: str = "") -> None:
        """Adds what is done of the session's phase to what it did before."""
        self._current = done
        self._outer.advance(self._finished + done, detail or self._detail)

    def note(self, text: str) -> None:
        """Passes on what has not been said before."""
        if text not in self._said:
            self._said.add(text)
            self._outer.note(text)

    def warn(self, text: str) -> None:
        """Passes on what has not been said before."""
        if text not in self._said:
            self._said.add(text)
            self._outer.warn(text)
