"""Runs the main job: the engines of a turn open at once, measured round by round in turns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from r50bench.case import Case
from r50bench.errors import R50BenchError
from r50bench.main_job.plan import MainJob, Turn
from r50bench.main_job.prepare import prepare_models, with_pictures_there_are
from r50bench.measure.bench import Bench
from r50bench.measure.in_turns import Entry, measure_in_turns
from r50bench.measure.record_draft import RunFolder
from r50bench.measure.session import CaseResult
from r50bench.notices import Notice, Progress
from r50bench.planning.planned import Planned

__all__ = ["ROUND_S", "run_main_job"]

ROUND_S = 0.5
"""Seconds of one engine's throughput in a round, where no steps are asked."""


def run_main_job(job: MainJob, bench: Bench) -> Iterator[CaseResult]:
    """Prepares everything, then measures turn after turn, yielding each result as it is there.

    Raises:
        UsageError: ``bench.out`` cannot be written, or a case names what is not there; said before
            anything is fetched or compiled.
    """
    with RunFolder(bench.out, f"check-{os.getpid()}"):
        pass
    for planned in job.cases:
        bench.assets.check(planned.case)
    job = with_pictures_there_are(job, bench)
    failed = prepare_models(job.cases, bench)
    quiet = replace(bench, progress=_OnePhase(bench.progress))
    for number, turn in enumerate(job.turns, 1):
        case = turn.cases[0].case
        bench.progress.phase(f"{number} of {len(job.turns)}  {case.precision}, {case.mode}")
        yield from _measure(turn, failed, quiet)


class _OnePhase:
    """A :class:`r50bench.notices.Progress` for sessions that are part of one phase.

    What was said of one engine is not said of the other again.
    """

    def __init__(self, outer: Progress) -> None:
        self._outer = outer
        self._said: set[str | Notice] = set()

    def phase(self, title: str, total: int | None = None) -> None:
        """Shows a session's own phase beside the turn's."""
        self._outer.advance(0, title)

    def advance(self, done: int, detail: str = "") -> None:
        """Says nothing: a session's batches are too few to count."""

    def note(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._outer.note(text)

    def warn(self, notice: Notice) -> None:
        """Passes on what has not been said before, but for disturbances: the table tells them."""
        if notice not in self._said and notice.code != "disturbed":
            self._said.add(notice)
            self._outer.warn(notice)


def _measure(
    turn: Turn, failed: Mapping[Case, R50BenchError], bench: Bench
) -> Iterator[CaseResult]:
    for planned in turn.cases:
        if planned.case in failed:
            yield CaseResult(planned, None, failed[planned.case])
    runnable = (planned for planned in turn.cases if planned.case not in failed)
    entries = [_entry(planned, bench) for planned in runnable]
    yield from measure_in_turns(entries, loading_together=True)


def _entry(planned: Planned, bench: Bench) -> Entry:
    round_s = ROUND_S if _paced(planned) else None
    return Entry(planned, bench, round_s, scored=planned.case.mode == "throughput")


def _paced(planned: Planned) -> bool:
    """Whether nobody asked for a number of steps: then a slow engine takes as long as a fast."""
    return planned.case.mode == "throughput" and planned.request["steps"].source == "default"
