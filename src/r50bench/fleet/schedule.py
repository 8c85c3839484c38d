"""Who does what next, without a clock or a cluster: one errand at a time on a host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from r50bench.fleet.plan import Errand, Seat
from r50bench.fleet.transport import Node

__all__ = ["Job", "Schedule"]


@dataclass(frozen=True)
class Job:
    """An errand of one seat, or of any (``title`` is None); ``attempt`` counts from 1."""

    number: int
    errand: Errand
    title: str | None
    attempt: int = 1


class Schedule:
    """Jobs that wait, seats that are free, busy or lost.

    Seats of one host take turns. A job that failed goes to the end of its seat's queue as long as
    it may be tried again.
    """

    def __init__(
        self,
        seats: Sequence[Seat],
        errands: Sequence[Errand],
        retries: int = 0,
        done: Iterable[tuple[str | None, str]] = (),
    ) -> None:
        """``done`` are the (title, question) that are answered already; None: by anyone."""
        self.seats = {seat.title: seat for seat in seats}
        self._retries = retries
        self._busy: dict[str, Job] = {}
        self._lost: set[str] = set()
        self._served = dict.fromkeys(self.seats, 0)
        answered = {*done}
        wanted = [
            (title, errand)
            for errand in errands
            for title in ([None] if errand.anywhere else self.seats)
        ]
        self._waiting = [
            Job(number, errand, title)
            for number, (title, errand) in enumerate(wanted, start=1)
            if (title, errand.question) not in answered
        ]
        self.jobs = len(self._waiting)

    @property
    def unfinished(self) -> bool:
        return bool(self._waiting or self._busy)

    @property
    def lost(self) -> list[Seat]:
        """The seats whose nodes are gone."""
        return [self.seats[title] for title in self._lost]

    def next_starts(self) -> list[tuple[Seat, Job]]:
        """Returns what is to begin now, and takes it for begun."""
        starts: list[tuple[Seat, Job]] = []
        taken = {self.seats[title].host for title in self._busy}
        # Who has been served least is next, so that seats of one host take turns.
        for title in sorted(self.seats, key=lambda title: self._served[title]):
            seat = self.seats[title]
            if title in self._lost or seat.host in taken:
                continue
            job = next((job for job in self._waiting if job.title in (None, title)), None)
            if job is not None:
                self._waiting.remove(job)
                self._busy[title] = job
                self._served[title] += 1
                taken.add(seat.host)
                starts.append((seat, job))
        return starts

    def finish(self, title: str) -> None:
        """Says that the seat's job came to its end, well or not."""
        del self._busy[title]

    def try_again(self, title: str) -> bool:
        """Says that the seat's job has failed; returns whether it will be tried again."""
        job = self._busy.pop(title)
        if job.attempt > self._retries:
            return False
        self._waiting.append(replace(job, attempt=job.attempt + 1))
        return True

    def lose(self, title: str) -> None:
        """Says that the seat's node is gone; its jobs wait for it, those of any seat do not."""
        self._lost.add(title)

    def find(self, title: str, node: Node) -> None:
        """Says that the seat has a node again."""
        self._lost.discard(title)
        self.seats[title] = replace(self.seats[title], node=node)

    def give_up(self, title: str) -> list[Job]:
        """Returns what a lost seat will not do any more, and what nobody is left to do."""
        alive = any(one not in self._lost for one in self.seats)
        given_up = [
            job for job in self._waiting if job.title == title or (job.title is None and not alive)
        ]
        self._waiting = [job for job in self._waiting if job not in given_up]
        return given_up
