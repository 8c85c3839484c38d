"""A sweep: every point of a grid measured in interleaved order, as often as it has passes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from r50bench.case import Case
from r50bench.errors import R50BenchError, UsageError
from r50bench.measure.bench import Bench
from r50bench.measure.inputs import gather
from r50bench.measure.point_progress import PointProgress
from r50bench.measure.session import Outcome, run_session
from r50bench.planning.planned import plan_case
from r50bench.sweep.folder import Damaged, SweepFolder, read_plan
from r50bench.sweep.grid import measuring_order
from r50bench.sweep.plan import SweepPoint
from r50bench.sweep.results import PointResult, Run, point_result
from r50bench.sweep.time_left import TimeLeft
from r50bench.wording import counted, words_for

__all__ = ["Sweep", "describe", "kept_results"]


class Sweep:
    """A sweep in its folder: what it has found, and the means to find the rest.

    ``results`` holds one result per point, in the order of the plan; it is up to date whenever
    :meth:`run` yields. ``notices`` name what was found damaged and put aside.
    """

    def __init__(self, folder: SweepFolder, bench: Bench) -> None:
        self._folder = folder
        self._plan = folder.plan
        self._bench = bench
        self._of_session = PointProgress(bench.progress)
        self._time_left = TimeLeft()
        self._runs, damaged = _found(folder)
        self.notices = tuple(one.put_aside() for one in damaged)
        self.results = _results(folder, self._runs)

    @property
    def done(self) -> int:
        return sum(len(runs) for runs in self._runs)

    def run(self) -> Iterator[tuple[PointResult, Outcome | None]]:
        """Measures what is missing; yields each point's result so far when it has been measured.

        Models are compiled first, so that no measurement follows a compilation. A point that fails
        is not tried again before the sweep is resumed; the outcome is None where nothing started.

        Raises:
            UsageError: the weights are others than those of the records that are there.
        """
        order = measuring_order(len(self._plan.points), self._plan.passes, self._plan.seed)
        missing = [
            at
            for number, at in order
            if self._plan.points[at].case is not None and number >= len(self._runs[at])
        ]
        self._refuse_other_weights(missing)
        unfit = self._prepare(missing)
        for at in unfit:
            yield self.results[at], None
        missing = [at for at in missing if at not in unfit]
        while missing:
            at, *missing = missing
            outcome = self._measure(at, missing)
            if self.results[at].reason is not None:
                missing = [other for other in missing if other != at]
            yield self.results[at], outcome

    def _refuse_other_weights(self, missing: list[int]) -> None:
        known = next((runs[0][0] for runs in self._runs if runs), None)
        if known is None or known.model is None or not missing:
            return
        now = self._bench.assets.weights(self._case(missing[0]))
        if now.sha256 != known.model.sha256:
            raise UsageError(
                f"the sweep was begun with the weights {known.model.weights}"
                f" ({known.model.sha256[:8]}), and now they are {now.weights} ({now.sha256[:8]})",
                hint="--out DIR names a new folder, and so begins a new sweep",
            )

    def _prepare(self, missing: list[int]) -> set[int]:
        """Compiles the models that are missing; returns the points for which that failed."""
        failed: set[int] = set()
        for at in dict.fromkeys(missing):
            try:
                gather(self._case(at), self._bench)
            except R50BenchError as error:
                self._fail(at, error.message)
                failed.add(at)
        return failed

    def _measure(self, at: int, missing: list[int]) -> Outcome | None:
        point, case = self._plan.points[at], self._case(at)
        assert point.effective is not None
        self._of_session.begin(self._title(at, missing), case)
        began = time.monotonic()
        try:
            outcome = run_session(
                plan_case(point.effective, self._bench.host),
                replace(self._bench, out=self._folder.path, progress=self._of_session),
            )
        except R50BenchError as error:
            self._fail(at, error.message)
            return None
        if outcome.error is not None:
            self._fail(at, outcome.error.message)
            return outcome
        self._time_left.learn(case, time.monotonic() - began)
        self._runs[at].append((outcome.record, outcome.samples, outcome.folder))
        self.results[at] = point_result(point, self._runs[at])
        return outcome

    def _fail(self, at: int, reason: str) -> None:
        self.results[at] = point_result(self._plan.points[at], [], reason)

    def _title(self, at: int, missing: list[int]) -> str:
        total = self.done + len(missing) + 1
        seconds = self._time_left.seconds(map(self._case, [at, *missing]))
        left = "" if seconds is None else f", about {words_for(seconds)} left"
        return f"{self.done + 1} of {total}{left}  {describe(self._plan.points[at])}"

    def _case(self, at: int) -> Case:
        case = self._plan.points[at].case
        assert case is not None
        return case


def kept_results(path: Path) -> list[PointResult]:
    """Returns what the sweep in the folder ``path`` has found so far, in the order of its plan.

    Runs that are damaged are left out.

    Raises:
        UsageError: there is no sweep, or it cannot be read.
    """
    folder = SweepFolder(path, read_plan(path))
    return _results(folder, _found(folder)[0])


def _results(folder: SweepFolder, runs: Sequence[Sequence[Run]]) -> list[PointResult]:
    return [point_result(*pair) for pair in zip(folder.plan.points, runs, strict=True)]


def describe(point: SweepPoint) -> str:
    """Returns ``avx_int8, batch 8, 2 × 1 core`` and what else was set for the point."""
    case = point.case
    if case is None:
        words = ", ".join(f"{key}={text}" for key, text in point.assignment)
        return f"{point.name} {words}".rstrip()
    cores = case.cores_per_instance
    others = [f"{key}={text}" for key, text in point.others if key != "INSTANCES"]
    size = f"{case.instances} × {counted(cores, 'core')}"
    return ", ".join([case.precision, f"batch {case.batch_size}", size, *others])


def _found(folder: SweepFolder) -> tuple[list[list[Run]], list[Damaged]]:
    """Returns the valid runs of each point, in the order of the plan, and those damaged."""
    runs, damaged = folder.runs()
    points = folder.plan.points
    return [[] if point.case is None else runs.get(point.case, []) for point in points], damaged
