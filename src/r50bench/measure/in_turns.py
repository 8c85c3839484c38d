"""Cases beside each other: all open at once and measured in turns, so that they compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from r50bench.errors import R50BenchError, UsageError
from r50bench.measure.bench import Bench
from r50bench.measure.session import CaseResult, Session, as_told, loading_session
from r50bench.planning.planned import Planned

__all__ = ["Entry", "measure_in_turns"]


@dataclass(frozen=True)
class Entry:
    """A case that is measured beside others.

    ``round_s`` is how long a round of it takes, None where rounds have the case's steps. With
    ``scored`` its pictures are classified too, where they have labels.
    """

    planned: Planned
    bench: Bench
    round_s: float | None = None
    scored: bool = True


class _Participant:
    """One of the cases: its session, unless an ``error`` kept it from opening."""

    def __init__(self, entry: Entry, life: ExitStack, *, loads_alone: bool) -> None:
        self.entry = entry
        self.error: R50BenchError | None = None
        self._life = life
        self._loads_alone = loads_alone
        self._opened: Session | None = None

    @property
    def session(self) -> Session:
        if self._opened is None:
            raise RuntimeError("the session has not been opened")
        return self._opened

    def begin_loading(self) -> None:
        opening = loading_session(self.entry.planned, self.entry.bench)
        self._opened = self._life.enter_context(opening)

    def finish_loading(self) -> None:
        self.session.finish_loading()

    def warm_up(self) -> None:
        self.session.warm_up(loaded_alone=self._loads_alone)
        if self.entry.round_s is not None:
            self.session.pace(self.entry.round_s)

    def attempt(self, step: Callable[[_Participant], None]) -> None:
        """Takes a step unless one has failed before; a failure leaves nothing of the session.

        Raises:
            UsageError: the request cannot be right, whichever case it is about.
        """
        if self.error is not None:
            return
        try:
            step(self)
        except UsageError:
            raise
        except (R50BenchError, OSError, MemoryError) as error:
            self.error = as_told(error)
            self._life.__exit__(type(error), error, error.__traceback__)

    def conclude(self) -> CaseResult:
        """Scores where that is asked and possible, and ends the session."""
        if self.entry.scored and self.session.scorable:
            self.session.score()
        self._life.close()
        outcome = self.session.left
        return CaseResult(self.entry.planned, outcome, outcome.error)


_STEPS = (_Participant.begin_loading, _Participant.finish_loading, _Participant.warm_up)


def measure_in_turns(
    entries: Sequence[Entry], *, loading_together: bool = False
) -> Iterator[CaseResult]:
    """Opens all, measures them round by round, and yields each result as it is there.

    Every round begins with another case, so that a drift of the machine strikes all alike. What
    cannot be opened comes first; what fails on the way leaves the others alone.

    With ``loading_together`` all load at once, which is quicker, and no record has a time to the
    first batch. Each warms up alone all the same: rounds are paced by it.
    """
    alone = not loading_together or len(entries) == 1
    with ExitStack() as lives:
        participants = [
            _Participant(entry, lives.enter_context(ExitStack()), loads_alone=alone)
            for entry in entries
        ]
        groups = [[one] for one in participants] if alone else [participants]
        for group, step in ((group, step) for group in groups for step in _STEPS):
            for participant in group:
                participant.attempt(step)
        for participant in participants:
            if participant.error is not None:
                yield CaseResult(participant.entry.planned, None, participant.error)
        opened = [participant for participant in participants if participant.error is None]
        _rotate([participant.session for participant in opened])
        for participant in opened:
            yield participant.conclude()


def _rotate(sessions: Sequence[Session]) -> None:
    rounds = max((session.case.repeat for session in sessions), default=0)
    for number in range(rounds):
        for place_in_round in range(len(sessions)):
            sessions[(number + place_in_round) % len(sessions)].measure_round()
