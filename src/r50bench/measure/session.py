"""One planned case executed once: inputs, pool, evidence, warm-up, load, record."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from r50bench.case import Case
from r50bench.errors import R50BenchError, RunFailed, WorkerFailed
from r50bench.host.kernel_files import counts_energy
from r50bench.load import LoadGen, Observe, Score, Steps
from r50bench.measure.bench import Bench
from r50bench.measure.bring_up import BringUp, shares, start_instant_ns, started_pool
from r50bench.measure.inputs import SessionInputs, gather
from r50bench.measure.pool import Pool
from r50bench.measure.protocol import (
    Command,
    Measure,
    Measured,
    Predicted,
    RunLoadgen,
    ScorePictures,
)
from r50bench.measure.record_draft import (
    Outcome,
    RecordDraft,
    RunFolder,
    leave_record,
    predictions_of,
    samples_of,
)
from r50bench.planning.planned import Planned
from r50bench.results.samples import Samples
from r50bench.results.timeline import windows

if TYPE_CHECKING:
    from r50bench.measure.energy import EnergyWatch
    from r50bench.measure.gpus import GpuWatch
    from r50bench.measure.until_reboot import FullSpeeds

__all__ = [
    "CaseResult",
    "Outcome",
    "Session",
    "as_told",
    "loading_session",
    "open_session",
    "raise_failures",
    "run_cases",
    "run_session",
]

_LEAST_STEPS, _MOST_STEPS = 2, 10_000

A = TypeVar("A")


@dataclass(frozen=True)
class CaseResult:
    """One case: its outcome (None where it could not start), its error (None if it is valid)."""

    planned: Planned
    outcome: Outcome | None
    error: R50BenchError | None


def run_cases(planned: Sequence[Planned], bench: Bench) -> Iterator[CaseResult]:
    """Runs the cases in order, yielding each result as it is there; a failure does not end it.

    Raises:
        UsageError: ``bench.out`` cannot be written, or a case names what is not there; said before
            anything is fetched or compiled.
    """
    with RunFolder(bench.out, f"check-{os.getpid()}"):
        pass
    for case in planned:
        bench.assets.check(case.case)
    for case in planned:
        try:
            outcome = run_session(case, bench)
        except (R50BenchError, OSError, MemoryError) as error:
            yield CaseResult(case, None, as_told(error))
        else:
            yield CaseResult(case, outcome, outcome.error)


def as_told(error: Exception) -> R50BenchError:
    """Returns an error that ends a case and not the run: ours, or what the system refused.

    Raises:
        Exception: ``error`` itself, where it is neither.
    """
    if isinstance(error, R50BenchError):
        return error
    from r50bench.host.refusals import explained  # little is refused

    told = explained(error)
    if told is None:
        raise error
    return told


def run_session(planned: Planned, bench: Bench) -> Outcome:
    """Runs one case of the main job, and leaves its record below ``bench.out``.

    Raises:
        ValueError: the load is a wing's (LoadGen, Observe), which opens the session and asks in it.
    """
    with open_session(planned, bench) as session:
        match planned.load:
            case Steps(rounds=rounds):
                for _ in range(rounds):
                    session.measure_round()
            case Score():
                session.score()
            case LoadGen() | Observe():
                raise ValueError(f"{planned.name} is not carried out here")
    return session.left


def raise_failures(results: Sequence[CaseResult]) -> None:
    """Ends in the first error, which tells of all of them; does nothing where there is none.

    Raises:
        R50BenchError: a case failed; of the first one's kind.
    """
    errors = [(result.planned.case.name, result.error) for result in results if result.error]
    if not errors:
        return
    first: R50BenchError = errors[0][1]
    if len(results) == 1:
        raise first
    reasons = "; ".join(f"{name}: {error.message}" for name, error in errors)
    raise type(first)(f"{len(errors)} of {len(results)} cases failed: {reasons}", hint=first.hint)


@contextmanager
def open_session(planned: Planned, bench: Bench) -> Iterator[Session]:
    """Gives a session whose instances are loaded, proved and warm.

    Several may be open at once, on the same cores too: those that are not being measured wait on
    their pipes. Leaving the context writes the record, valid or not, and sets ``outcome``; leaving
    it by an exception leaves nothing. What keeps the instances from becoming warm does not raise:
    the session has an ``error`` from the beginning.
    """
    with loading_session(planned, bench) as session:
        session.finish_loading()
        session.warm_up()
        yield session


@contextmanager
def loading_session(planned: Planned, bench: Bench) -> Iterator[Session]:
    """Gives a session whose instances have begun to load; else it does as :func:`open_session`.

    :meth:`.Session.finish_loading` and :meth:`.Session.warm_up` are to follow, in this order, and
    between them the same of others that are to load meanwhile.
    """
    inputs = gather(planned.case, bench, planned.load)
    draft = RecordDraft(planned, bench, inputs)
    with RunFolder(bench.out, draft.id) as folder:
        draft.warn(folder.notices)
        with ExitStack() as life:
            session = Session(planned, bench, inputs, draft, folder.path, life)
            yield session
            session.conclude()
        session.outcome = leave_record(draft, folder, session.error)


class Session:
    """A planned case while its load is carried out, as :func:`open_session` gives it.

    Once ``error`` is set the session is over: its instances are gone, and nothing more that is
    asked of it is done. ``outcome`` is there when the context has been left. ``draft`` is the
    record so far, ``folder`` where it will lie, ``inputs`` what it runs with.
    """

    def __init__(
        self,
        planned: Planned,
        bench: Bench,
        inputs: SessionInputs,
        draft: RecordDraft,
        folder: Path,
        life: ExitStack,
    ) -> None:
        self.planned = planned
        self.inputs = inputs
        self.draft = draft
        self.folder = folder
        self.error: RunFailed | None = None
        self.outcome: Outcome | None = None
        self._progress = bench.progress
        self._life = life
        self._pool: Pool | None = None
        self._bring_up: BringUp | None = None
        self._steps = planned.case.steps or 0
        self._rounds: list[list[Measured]] = []
        self._gpus: GpuWatch | None = None
        if planned.case.device == "cuda" and not inputs.scripted:
            from r50bench.measure.gpus import GpuWatch, gpus_of  # most cases run on CPUs

            self._gpus = GpuWatch(gpus_of(planned.placement, bench.host))
            draft.warn(self._gpus.findings)
        self._speeds: FullSpeeds | None = None
        if inputs.canary is not None:
            from r50bench.measure.until_reboot import FullSpeeds  # not of what is scripted

            self._speeds = FullSpeeds(bench.assets.store, bench.host)
        self._energy: EnergyWatch | None = None
        if self._has_rounds and counts_energy():
            from r50bench.measure.energy import EnergyWatch  # few machines count

            self._energy = EnergyWatch()
        with self._ending_on_failure():
            started = started_pool(planned, bench, inputs, draft, folder)
            self._bring_up = life.enter_context(started)
            self._pool = self._bring_up.pool
            self._bring_up.begin_loading()

    @property
    def case(self) -> Case:
        return self.planned.case

    @property
    def left(self) -> Outcome:
        """The outcome, once the context has been left."""
        if self.outcome is None:
            raise RuntimeError("the session has not ended")
        return self.outcome

    @property
    def scorable(self) -> bool:
        """Whether there are labelled pictures and weights that were trained on their like."""
        return bool(self.inputs.labels) and self.inputs.model.weights != "random"

    def finish_loading(self) -> None:
        """Waits until the instances have loaded their engines."""
        if self.error is None and self._bring_up is not None:
            with self._ending_on_failure():
                self._bring_up.finish_loading()

    def warm_up(self, *, loaded_alone: bool = True) -> None:
        """Proves and warms the instances, which can be measured then.

        ``loaded_alone`` is false where others loaded meanwhile: it has no time to the first batch.
        """
        if self.error is None and self._bring_up is not None:
            with self._ending_on_failure():
                if self._energy is not None:
                    self._energy.rest()
                self._bring_up.warm_up(loaded_alone=loaded_alone)

    def pace(self, seconds: float) -> None:
        """Has every round take about so long, going by the warm-up; call it before the first.

        The record has the steps that come of it in place of the case's.
        """
        slowest_s = max((worker.warmup_s for worker in self.draft.workers), default=0.0)
        if slowest_s > 0 and self.case.warmup_steps:
            steps = round(seconds * self.case.warmup_steps / slowest_s)
            self._steps = min(max(steps, _LEAST_STEPS), _MOST_STEPS)
            self.draft.became("steps", self._steps, f"rounds of about {seconds:g} s")

    def measure_round(self) -> Samples | None:
        """Runs the case's steps once; returns their samples, None where the session has failed.

        The record holds as many rounds as were measured, whatever the case's ``repeat`` was.
        """
        if self.error is not None:
            return None
        with self._ending_on_failure():
            self._announce_round()
            with self._energy.round() if self._energy else nullcontext():
                answers = self.ask(Measure(start_instant_ns(), steps=self._steps), Measured)
            samples = samples_of([answers], self.case.batch_size, self._steps)
            if windows(samples) is None:
                raise WorkerFailed(
                    "the instances never ran at the same time: the first was done before the last"
                    " began",
                    hint="more --steps make the window longer than the machine's hiccups",
                )
            self._rounds.append(answers)
            return samples
        return None

    def score(self) -> None:
        """Classifies every picture of the data set once."""
        if self.error is not None:
            return
        case, labels = self.case, self.inputs.labels
        batches = sum(
            -(-(end - first) // case.batch_size)
            for first, end in shares(len(labels), case.instances)
        )
        with self._ending_on_failure():
            self._progress.phase(f"{case.name}  scoring", batches)
            answers = self.ask(ScorePictures(), Predicted)
            self.draft.keep_predictions(predictions_of(answers, self.inputs.names, labels))

    def carry_out(self, work: Callable[[], None]) -> None:
        """Has a wing's load ask its questions; a RunFailed among them ends the session."""
        if self.error is None:
            with self._ending_on_failure():
                work()

    def ask(self, command: Command, answer: type[A]) -> list[A]:
        """Has every worker do something, and returns their answers, by worker.

        Raises:
            RunFailed: as :meth:`.Pool.ask`; :meth:`carry_out` hears of it.
        """
        if self._pool is None:
            raise self.error or RuntimeError("the session has no instances")
        if self._gpus is None or not isinstance(command, (Measure, RunLoadgen)):
            return self._pool.ask(command, answer)
        with self._gpus.round():
            return self._pool.ask(command, answer)

    def conclude(self) -> None:
        """Notes in the draft what the rounds have given, where the load has rounds; once."""
        if self._gpus is not None:
            self.draft.gpus = self._gpus.reports()
            self.draft.warn(self._gpus.slowed())
        if self.error is None and self.draft.samples is None and self._has_rounds:
            with self._ending_on_failure():
                self._keep_rounds()

    @property
    def _has_rounds(self) -> bool:
        return isinstance(self.planned.load, (Steps, Observe))

    @contextmanager
    def _ending_on_failure(self) -> Iterator[None]:
        """Ends the session where RunFailed is raised, at once: others may be open beside it."""
        try:
            yield
        except (RunFailed, OSError, MemoryError) as error:
            failure = as_told(error)
            assert isinstance(failure, RunFailed)
            self.error = failure
            if self._pool is not None:
                self._pool.kill()
            self._life.close()

    def _announce_round(self) -> None:
        case, number = self.case, len(self._rounds) + 1
        what = "profiling" if isinstance(self.planned.load, Observe) else "measuring"
        title = f"{case.name}  {what}"
        if max(case.repeat, number) > 1:
            title += f", round {number} of {max(case.repeat, number)}"
        self._progress.phase(title, self._steps * case.instances)

    def _keep_rounds(self) -> None:
        case, count = self.case, len(self._rounds)
        if not count:
            raise RunFailed("the session was ended before a round was measured")
        self.draft.samples = samples_of(self._rounds, case.batch_size, self._steps)
        self.draft.note_contention(self._rounds)
        self.draft.note_cores(self._speeds)
        if self._energy is not None:
            self.draft.energy = self._energy.report()
        if count != case.repeat:
            self.draft.became("repeat", count, "as it turned out")
