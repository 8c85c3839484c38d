"""Cases run several times, each time by fresh processes, which are the independent samples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from r50bench.measure.bench import Bench
from r50bench.measure.session import CaseResult, run_cases
from r50bench.planning.planned import Planned
from r50bench.results.record import new_record_id
from r50bench.wording import counted

__all__ = ["bench_for_processes", "run_processes"]


def bench_for_processes(bench: Bench, planned: Sequence[Planned], processes: int) -> Bench:
    """Returns the bench whose records go to a new folder for all of them, which makes a side.

    They are told to be of one invocation, where there are several of each case.
    """
    name = planned[0].case.name if len(planned) == 1 else counted(len(planned), "case")
    words = f"{name.replace(' ', '-')}_x{processes}"
    name = new_record_id(words, datetime.now(timezone.utc))
    return replace(bench, out=bench.out / name, invocation=name if processes > 1 else None)


def run_processes(
    planned: Sequence[Planned],
    bench: Bench,
    processes: int,
    *,
    budget_s: float = math.inf,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[CaseResult]:
    """Runs each case in ``processes`` fresh sets of workers, yielding each result as it is there.

    All cases run once before any runs again, so that a drift of the machine strikes all alike. A
    further pass is begun only if it would end within ``budget_s`` seconds, going by the one before;
    the first one is never refused.

    Raises:
        UsageError: as :func:`.run_cases`.
    """
    began = now()
    last_s = 0.0
    for number in range(processes):
        start = now()
        if number and start - began + last_s > budget_s:
            return
        yield from run_cases(planned, bench)
        last_s = now() - start
