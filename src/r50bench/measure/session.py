"""One case executed once: ingredients, pool, evidence, warm-up, measured rounds, record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from r50bench.case import Case
from r50bench.errors import RunFailed, WorkerFailed
from r50bench.load import Load, Score, Steps
from r50bench.measure.bench import Bench
from r50bench.measure.bring_up import soon, warm_pool
from r50bench.measure.inputs import Ingredients, gather
from r50bench.measure.pool import Pool
from r50bench.measure.protocol import Measure, Measured, Predicted, ScorePictures
from r50bench.measure.record_draft import Draft, Outcome, PlannedCase, leave_record
from r50bench.measure.run_folder import RunFolder
from r50bench.measure.worker_answers import predictions_of, samples_of
from r50bench.measure.worker_plans import shares
from r50bench.progress import Progress
from r50bench.results.samples import Samples
from r50bench.results.timeline import windows

__all__ = ["Outcome", "PlannedCase", "Session", "open_session", "run_session"]

_LEAST_STEPS, _MOST_STEPS = 2, 10_000

T = TypeVar("T")


def run_session(planned: PlannedCase, bench: Bench) -> Outcome:
    """Runs one case and leaves its record below ``bench.out``.

    Raises:
        AssetError, EngineError, Unsupported: the run could not start; nothing is left behind.
        UsageError: ``bench.out`` cannot be written.
    """
    with open_session(planned, bench) as session:
        if planned.case.mode == "accuracy":
            session.score()
        else:
            for _ in range(planned.case.repeat):
                session.measure_round()
    assert session.outcome is not None
    return session.outcome


@contextmanager
def open_session(planned: PlannedCase, bench: Bench) -> Iterator[Session]:
    """Gives a session whose instances are loaded, proved and warm.

    Several may be open at once, on the same cores too: those that are not being measured wait on
    their pipes. Leaving the context writes the record, valid or not, and sets ``outcome``; leaving
    it by an exception leaves nothing. What keeps the instances from becoming warm does not raise:
    the session has an ``error`` from the beginning.

    Raises:
        AssetError, EngineError, Unsupported: the run could not start; nothing is left behind.
        UsageError: ``bench.out`` cannot be written.
    """
    ingredients = gather(planned.case, bench)
    draft = Draft(planned, bench, ingredients, planned.case.name, _load_of(planned.case))
    with RunFolder(bench.out, draft.id) as folder:
        with ExitStack() as life:
            session = Session(planned.case, ingredients, draft, life, bench.progress)
            session.enter(warm_pool(planned, bench, ingredients, draft, folder.path))
            yield session
            session.conclude()
        session.outcome = leave_record(draft, folder, session.error)


def _load_of(case: Case) -> Load:
    return Score() if case.mode == "accuracy" else Steps(case.steps or 0, case.repeat)


class Session:
    """A case while it is being measured, as :func:`open_session` gives it.

    Once ``error`` is set the session is over: its instances are gone, and nothing more that is
    asked of it is done. ``outcome`` is there when the context has been left.
    """

    def __init__(
        self,
        case: Case,
        ingredients: Ingredients,
        draft: Draft,
        life: ExitStack,
        progress: Progress,
    ) -> None:
        self.case = case
        self.error: RunFailed | None = None
        self.outcome: Outcome | None = None
        self._ingredients = ingredients
        self._draft = draft
        self._life = life
        self._progress = progress
        self._pool: Pool | None = None
        self._steps = case.steps or 0
        self._rounds: list[list[Measured]] = []

    @property
    def scorable(self) -> bool:
        """Whether there are labelled pictures and weights that were trained on their like."""
        return bool(self._ingredients.labels) and self._ingredients.model.weights != "random"

    def pace(self, seconds: float) -> None:
        """Has every round take about so long, going by the warm-up; call it before the first.

        The record has the steps that come of it in place of the case's.
        """
        workers = self._draft.fields.get("workers", ())
        slowest_s = max((worker.warmup_s for worker in workers), default=0.0)
        if slowest_s > 0 and self.case.warmup_steps:
            steps = round(seconds * self.case.warmup_steps / slowest_s)
            self._steps = min(max(steps, _LEAST_STEPS), _MOST_STEPS)
            self._draft.became("steps", self._steps, f"rounds of about {seconds:g} s")

    def measure_round(self) -> Samples | None:
        """Runs the case's steps once; returns their samples, None where the session has failed.

        The record holds as many rounds as were measured, whatever the case's ``repeat`` was.
        """
        return self._attempt(self._measure_round)

    def score(self) -> None:
        """Classifies every picture of the data set once."""
        self._attempt(self._score)

    def enter(self, pool: AbstractContextManager[Pool]) -> None:
        """Makes the pool warm; it ends with the session, or as soon as that fails."""
        self._pool = self._attempt(lambda: self._life.enter_context(pool))

    def conclude(self) -> None:
        """Notes in the draft what was measured in all."""
        if self.case.mode != "accuracy":
            self._attempt(self._keep_rounds)

    def _attempt(self, work: Callable[[], T]) -> T | None:
        if self.error is not None:
            return None
        try:
            return work()
        except RunFailed as failure:
            self.error = failure
            self._life.__exit__(type(failure), failure, failure.__traceback__)
            return None

    def _measure_round(self) -> Samples:
        case, number = self.case, len(self._rounds) + 1
        assert self._pool is not None
        title = f"{case.name}  measuring"
        if max(case.repeat, number) > 1:
            title += f", round {number} of {max(case.repeat, number)}"
        self._progress.phase(title, self._steps * case.instances)
        answers = self._pool.ask(Measure(soon(), steps=self._steps), Measured)
        samples = samples_of([answers], case.batch_size, self._steps)
        if windows(samples) is None:
            raise WorkerFailed(
                "the instances never ran at the same time: the first was done before the last"
                " began",
                hint="more --steps make the window longer than the machine's hiccups",
            )
        self._rounds.append(answers)
        return samples

    def _keep_rounds(self) -> None:
        case, count = self.case, len(self._rounds)
        if not count:
            raise RunFailed("the session was ended before a round was measured")
        self._draft.samples = samples_of(self._rounds, case.batch_size, self._steps)
        self._draft.note_contention(self._rounds, self._progress)
        if count != case.repeat:
            self._draft.became("repeat", count, "as it turned out")

    def _score(self) -> None:
        names, labels = self._ingredients.names, self._ingredients.labels
        assert self._pool is not None
        case = self.case
        batches = sum(
            -(-(end - first) // case.batch_size)
            for first, end in shares(len(labels), case.instances)
        )
        self._progress.phase(f"{case.name}  scoring", batches)
        answers = self._pool.ask(ScorePictures(), Predicted)
        self._draft.predictions = predictions_of(answers, names, labels)
