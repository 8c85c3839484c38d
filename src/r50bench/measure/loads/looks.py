"""When a closed loop looks at its cores, and what each batch then knows of them.

A look costs some microseconds between two batches. Where batches are so short that this would be
more than a thousandth of the time, only every so many batches are followed by one.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable

__all__ = ["Look", "Looks"]

Look = Callable[[], tuple[int, int]]
"""Returns what the canary took, and how long a thread waited since the last look, in ns."""

_APART = 2000
"""Times the usual look: some take longer, and all together are to cost 0.1 % at most. The usual one
takes several times as long as the quickest, since code between batches comes from memory."""

_MOST_APART_NS = 200_000_000
"""Where the usual look had to wait for its cores, it says nothing of what one costs."""


class Looks:
    """The looks of one round, by ``clock``, that of the engine.

    ``due_ns`` is when the next one may be taken, on that clock.
    """

    def __init__(self, look: Look, clock: Callable[[], int]) -> None:
        self._look = look
        self._clock = clock
        self._found: list[tuple[int, int, int]] = []  # batches done, canary's ns, waited ns
        self.due_ns = 0
        self._costs_ns: list[int] = []  # ascending

    def take(self, done: int) -> None:
        """Looks when ``done`` batches have been run: before the first, after the last, when due."""
        begun_ns = self._clock()
        canary_ns, waited_ns = self._look()
        looked_ns = self._clock()
        insort(self._costs_ns, looked_ns - begun_ns)
        usual_ns = self._costs_ns[(len(self._costs_ns) - 1) // 2]
        self.due_ns = looked_ns + min(_APART * usual_ns, _MOST_APART_NS)
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
