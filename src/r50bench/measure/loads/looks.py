"""When a closed loop looks at its cores, and what each batch then knows of them.

A look costs some microseconds between two batches. Where batches are so short that this would be
more than a thousandth of the time, only every so many batches are followed by one.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Look", "Looks"]

Look = Callable[[], tuple[int, int]]
"""Returns what the canary took, and how long a thread waited since the last look, in ns."""

_APART = 1500
"""Times the quickest look: others take longer, and all together are to cost 0.1 % at most."""

_MOST_APART_NS = 200_000_000
"""Where even the quickest had to wait for its cores, it says nothing of what a look costs."""


class Looks:
    """The looks of one round, by ``clock``, that of the engine."""

    def __init__(self, look: Look, clock: Callable[[], int]) -> None:
        self._look = look
        self._clock = clock
        self._found: list[tuple[int, int, int]] = []  # batches done, canary's ns, waited ns
        self._due_ns = 0
        self._quickest_ns: int | None = None

    def begin(self) -> None:
        """Looks before the first batch."""
        self._take(0)

    def after(self, done: int, ended_ns: int, *, last: bool) -> None:
        """Looks after a batch unless it is too early for it; after the ``last`` in any case.

        ``done`` batches have been run, the last of them ended at ``ended_ns``.
        """
        if last or ended_ns >= self._due_ns:
            self._take(done)

    def _take(self, done: int) -> None:
        begun_ns = self._clock()
        canary_ns, waited_ns = self._look()
        looked_ns = self._clock()
        cost_ns = looked_ns - begun_ns
        self._quickest_ns = min(cost_ns, self._quickest_ns or cost_ns)
        self._due_ns = looked_ns + min(_APART * self._quickest_ns, _MOST_APART_NS)
        self._found.append((done, canary_ns, waited_ns))

    def by_batch(self) -> tuple[list[int], list[int]]:
        """Returns for each batch the slower of the looks around it, and what was waited between."""
        canary: list[int] = []
        waited: list[int] = []
        for before, after in zip(self._found, self._found[1:], strict=False):
            batches = after[0] - before[0]
            canary += [max(before[1], after[1])] * batches
            waited += [after[2]] * batches
        return canary, waited
