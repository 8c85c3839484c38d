"""The progress of sessions told as that of what they are part of: a point, or a budget of time."""

from __future__ import annotations

import math
import time

from r50bench.case import Case
from r50bench.notices import Notice, Progress

__all__ = ["BudgetProgress", "PointProgress"]


class _SaidOnce:
    """Passes each note and warning on only once, however many sessions make it."""

    def __init__(self, outer: Progress) -> None:
        self._outer = outer
        self._said: set[str | Notice] = set()

    def note(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._outer.note(text)

    def warn(self, notice: Notice) -> None:
        if notice not in self._said:
            self._said.add(notice)
            self._outer.warn(notice)


class PointProgress(_SaidOnce):
    """A :class:`r50bench.notices.Progress` for the sessions of one point."""

    def __init__(self, outer: Progress) -> None:
        super().__init__(outer)
        self._finished = 0
        self._current = 0
        self._detail = ""

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


class BudgetProgress(_SaidOnce):
    """A :class:`r50bench.notices.Progress` for what works within a budget of time: one phase."""

    def __init__(self, outer: Progress, title: str, budget_s: float) -> None:
        super().__init__(outer)
        self._began = time.monotonic()
        self._detail = ""
        outer.phase(title, math.ceil(budget_s))

    def phase(self, title: str, total: int | None = None) -> None:
        """Shows a task's own phase beside the budget."""
        self._detail = title.rpartition("  ")[2]
        self.advance(0)

    def advance(self, done: int, detail: str = "") -> None:
        """Shows how much of the budget is spent."""
        spent = int(time.monotonic() - self._began)
        self._outer.advance(spent, detail or self._detail)
