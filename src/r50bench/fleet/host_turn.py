"""One run at a time on a host: fleets take turns, and what measures here by hand is waited for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from r50bench.errors import RunFailed
from r50bench.fleet.node_folder import fleet_folder
from r50bench.host.occupancy import others_on
from r50bench.results.files import Busy, Hold

__all__ = ["host_turn"]

_LOOK_AGAIN_S = 1.0
"""Two nodes of one host are not sent for at once; others are waited for, and not disturbed."""


@contextmanager
def host_turn(wait_s: float, tell: Callable[[str], None]) -> Iterator[None]:
    """Gives the host to the caller alone, as far as r50bench measures there for this user.

    ``tell`` is called with what is waited for, whenever that changes.

    Raises:
        RunFailed: it is not free within ``wait_s``.
    """
    until = time.monotonic() + wait_s
    said = ""
    while True:
        hold, why = _take()
        if hold is not None and not why:
            break
        if hold is not None:
            hold.release()
        if time.monotonic() >= until:
            raise RunFailed(f"its host was not free within {wait_s:g} s: {why}")
        if why != said:
            tell(f"waits: {why}")
            said = why
        time.sleep(min(_LOOK_AGAIN_S, max(0.0, until - time.monotonic())))
    try:
        yield
    finally:
        hold.release()


def _take() -> tuple[Hold | None, str]:
    """Returns the hold of the host, if no fleet has it, and what speaks against beginning."""
    try:
        hold = Hold(fleet_folder() / "turn")
    except Busy:
        return None, "another node of this host, or another fleet, has its turn"
    with suppress(OSError):
        for notice in others_on(os.sched_getaffinity(0)):
            return hold, notice.text
    return hold, ""
