"""What the sockets draw around the rounds of a session, and at rest before them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from r50bench.host.energy import energy_counters, joules_between, read_energy_uj
from r50bench.results.record import Energy

__all__ = ["EnergyWatch"]

_IDLE_S = 0.5  # RAPL counts a thousand times a second


class EnergyWatch:
    """The counters of the host, from before the first round of a session to after its last.

    Where it has none, or may not tell, nothing is read, nobody waits, and there is no report.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._counters = energy_counters(root)
        self._spans: list[tuple[float | None, float]] = []
        self._idle_w: float | None = None

    def rest(self) -> None:
        """Reads for half a second what is drawn while the instances have nothing to do."""
        if not self._counters:
            return
        with self.round():
            time.sleep(_IDLE_S)
        joules, seconds = self._spans.pop()
        self._idle_w = None if joules is None else joules / seconds

    @contextmanager
    def round(self) -> Iterator[None]:
        """Reads the counters before and after what is done in the context; a failure has none."""
        before, began = read_energy_uj(self._counters, self._root), time.monotonic()
        yield
        after, seconds = read_energy_uj(self._counters, self._root), time.monotonic() - began
        joules = None
        if before is not None and after is not None:
            joules = joules_between(self._counters, before, after, seconds)
        self._spans.append((joules, seconds))

    def report(self) -> Energy | None:
        """Returns what the record keeps; None where some round is not known."""
        known = [(joules, seconds) for joules, seconds in self._spans if joules is not None]
        if not self._counters or not known or len(known) < len(self._spans):
            return None
        return Energy(
            source=", ".join(counter.name for counter in self._counters),
            rounds_j=tuple(joules for joules, _ in known),
            rounds_s=tuple(seconds for _, seconds in known),
            idle_w=self._idle_w,
        )
