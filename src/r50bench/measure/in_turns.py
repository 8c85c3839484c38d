"""Cases beside each other: all open at once and measured in turns, so that they compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from r50bench.errors import R50BenchError, UsageError
from r50bench.measure.bench import Bench
from r50bench.measure.session import CaseResult, Session, open_session
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


@dataclass(frozen=True)
class _Open:
    """A session that is open; closing ``life`` leaves its record."""

    entry: Entry
    session: Session
    life: ExitStack

    def conclude(self) -> CaseResult:
        """Scores where that is asked and possible, and ends the session."""
        if self.entry.scored and self.session.scorable:
            self.session.score()
        self.life.close()
        outcome = self.session.left
        return CaseResult(self.entry.planned, outcome, outcome.error)


def measure_in_turns(entries: Sequence[Entry]) -> Iterator[CaseResult]:
    """Opens all, measures them round by round, and yields each result as it is there.

    Every round begins with another case, so that a drift of the machine strikes all alike. What
    cannot be opened comes first; what fails on the way leaves the others alone.
    """
    with ExitStack() as lives:
        opened: list[_Open] = []
        for entry in entries:
            life = lives.enter_context(ExitStack())
            try:
                session = life.enter_context(open_session(entry.planned, entry.bench))
            except UsageError:
                raise
            except R50BenchError as error:
                yield CaseResult(entry.planned, None, error)
                continue
            if entry.round_s is not None:
                session.pace(entry.round_s)
            opened.append(_Open(entry, session, life))
        _rotate([racing.session for racing in opened])
        for racing in opened:
            yield racing.conclude()


def _rotate(sessions: Sequence[Session]) -> None:
    rounds = max((session.case.repeat for session in sessions), default=0)
    for number in range(rounds):
        for place_in_round in range(len(sessions)):
            sessions[(number + place_in_round) % len(sessions)].measure_round()
