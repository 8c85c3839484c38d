"""Sends errands to nodes, and brings home what they leave: orchestration, with a clock given."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench import __version__
from r50bench.errors import RunFailed, Unsupported, UsageError
from r50bench.fleet.answer import Answer
from r50bench.fleet.frames import Ended, Order, written
from r50bench.fleet.homecoming import Home, unpack_home
from r50bench.fleet.kept import Answered, keep
from r50bench.fleet.plan import FleetPlan, Seat
from r50bench.fleet.schedule import Job, Schedule
from r50bench.fleet.transport import Gone, Node, Ticket, Transport
from r50bench.notices import Notice, Progress
from r50bench.results.packing import aside, empty

__all__ = ["FleetRun"]

_LOOK_UP_S = 1.0
_SENDING_S = 120.0
"""How long after its limit a node may still be sending: without a frame for as long, it hangs."""

_LONGEST_SENDING_S = 1800.0
_STOPPING_S = 20.0
_RETURN_S = 60.0
"""How long a node that died is looked for, where what it had to do may be tried again."""

_DEATH_KNOWN_S = 20.0
"""How long a dead node may pass for a living one: Ray looks each 3 s, and believes the fifth."""

_LONGEST_DETAIL = 60
_FINAL = (UsageError.exit_code, Unsupported.exit_code)
"""Exit codes that would be the same again."""


@dataclass
class _Attempt:
    ticket: Ticket
    seat: Seat
    job: Job
    answer: Answer
    started: float
    heard: float
    reason: str = ""
    stopped: float | None = None


class FleetRun:
    """One plan on the seats of a cluster; :meth:`results` does it.

    ``target`` is the folder into which everything comes home, ``before`` what has come already.
    """

    def __init__(
        self,
        transport: Transport,
        schedule: Schedule,
        plan: FleetPlan,
        target: Path,
        progress: Progress,
        before: Sequence[Answered] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._schedule = schedule
        self._plan = plan
        self._target = target
        self._progress = progress
        self._clock = clock
        self._attempts: dict[Ticket, _Attempt] = {}
        self._lost_at: dict[str, float] = {}
        self._in_doubt: dict[str, float] = {}
        self._looked = -math.inf
        self._done = 0
        self._warned: set[str] = set()
        self._known = {run.record.id for one in before for run in one.home.runs}

    def results(self) -> Iterator[Answered]:
        """Yields what comes of every attempt, as it comes; whatever fails costs no other.

        Leaving it early, by an interrupt too, has the nodes end what they have begun.

        Raises:
            RunFailed: the cluster is lost, or nothing can be written here.
        """
        self._progress.phase("measuring", self._schedule.jobs)
        try:
            while self._schedule.unfinished:
                for seat, job in self._schedule.next_starts():
                    self._start(seat, job)
                for event in self._transport.events(_LOOK_UP_S):
                    attempt = self._attempts.get(event.ticket)
                    if attempt is None:
                        continue
                    if isinstance(event, Gone):
                        yield self._end(attempt)
                    else:
                        self._hear(attempt, event.data)
                yield from self._overdue()
                yield from self._look_for_the_lost()
        finally:
            for ticket in self._attempts:
                self._transport.stop(ticket)

    def _start(self, seat: Seat, job: Job) -> None:
        plan = self._plan
        order = Order(__version__, job.errand.words, plan.limit_s, plan.patience_s, plan.most_bytes)
        now = self._clock()
        ticket = self._transport.start(seat.node, written(order))
        attempt = _Attempt(ticket, seat, job, Answer(plan.most_bytes), now, now)
        self._attempts[ticket] = attempt
        self._show(attempt)

    def _hear(self, attempt: _Attempt, data: bytes) -> None:
        attempt.heard = self._clock()
        begun = attempt.answer.began
        try:
            attempt.answer.take(data)
        except RunFailed as error:
            self._stop(attempt, error.message)
            return
        if begun is None and attempt.answer.began is not None:
            # From here on the errand's own time counts.
            attempt.started = attempt.heard
            self._warn_of_priority(attempt.seat.title, attempt.answer.began.nice)
        self._show(attempt)

    def _warn_of_priority(self, title: str, nice: int) -> None:
        if nice > 0 and title not in self._warned:
            self._warned.add(title)
            text = f"{title}: r50bench runs at nice {nice} there: whatever else runs goes before it"
            mend = "start Ray there with RAY_worker_niceness=0 in its environment"
            self._progress.warn(Notice("low-priority", text, mend))

    def _show(self, attempt: _Attempt) -> None:
        """Shows how far all is, and what the one that spoke last is at."""
        said = attempt.answer.said or attempt.job.errand.question
        others = len(self._attempts) - 1
        more = f", {others} more at work" if others > 0 else ""
        self._progress.advance(self._done, f"{attempt.seat.title}: {said[:_LONGEST_DETAIL]}{more}")

    def _stop(self, attempt: _Attempt, reason: str) -> None:
        attempt.reason = attempt.reason or reason
        if attempt.stopped is None:
            attempt.stopped = self._clock()
            self._transport.stop(attempt.ticket)

    def _end(self, attempt: _Attempt) -> Answered:
        """Takes an attempt that nothing more comes of, and keeps what it has brought."""
        del self._attempts[attempt.ticket]
        seat, ended = attempt.seat, attempt.answer.ended
        with aside(self._target) as folder:
            home, reason, status = Home(), attempt.reason, None
            killed = not reason and ended is None
            if killed:
                reason = self._transport.fate(seat.node)
            elif not reason and ended is not None:
                home, reason = self._came_home(attempt, ended, folder)
                status = ended.status
            if not any(node.id == seat.node.id for node in self._transport.nodes()):
                self._lose(seat)
            elif killed:
                self._doubt(seat)
            return self._kept(self._answered(attempt, home, reason, status), folder)

    def _came_home(self, attempt: _Attempt, ended: Ended, folder: Path) -> tuple[Home, str]:
        """Unpacks what was sent into ``folder``; returns it, and why it failed where it has."""
        try:
            parcel = attempt.answer.parcel()
            fingerprint = attempt.seat.fingerprint
            home = Home()
            if parcel is not None:
                home = unpack_home(parcel, folder, self._plan.most_bytes, fingerprint, self._known)
        except (RunFailed, UsageError) as error:
            empty(folder)  # of what was unpacked until then
            return Home(), error.message
        self._known |= {run.record.id for run in home.runs}
        return home, _why_failed(ended, home)

    def _kept(self, answered: Answered, folder: Path) -> Answered:
        self._done += not answered.again
        return keep(answered, folder, self._target)

    def _answered(self, attempt: _Attempt, home: Home, reason: str, status: int | None) -> Answered:
        title, job = attempt.seat.title, attempt.job
        again = False
        if reason and status not in _FINAL:
            again = self._schedule.try_again(title)
        else:
            self._schedule.finish(title)
        return Answered(
            job.errand,
            title,
            job.attempt,
            home,
            reason,
            status,
            again,
            self._clock() - attempt.started,
        )

    def _empty(self, answered: Answered) -> Answered:
        with aside(self._target) as folder:
            return self._kept(answered, folder)

    def _overdue(self) -> Iterator[Answered]:
        now, plan = self._clock(), self._plan
        for attempt in list(self._attempts.values()):
            if attempt.stopped is not None:
                if now - attempt.stopped > _STOPPING_S:
                    # It does not even end: nothing is sent there any more.
                    del self._attempts[attempt.ticket]
                    self._lose(attempt.seat)
                    yield self._empty(self._answered(attempt, Home(), attempt.reason, None))
            elif attempt.answer.began is None:
                if now - attempt.started > plan.patience_s + _SENDING_S:
                    waited = attempt.answer.said or "other work of the cluster's has its CPUs"
                    self._stop(attempt, f"did not begin within {plan.patience_s:g} s: {waited}")
            elif now - max(attempt.heard, end := attempt.started + plan.limit_s) > _SENDING_S or (
                now - end > _LONGEST_SENDING_S
            ):
                self._stop(attempt, f"did not answer within {plan.limit_s:g} s, nor end: it hangs")

    def _lose(self, seat: Seat) -> None:
        self._schedule.lose(seat.title)
        self._lost_at.setdefault(seat.title, self._clock())

    def _doubt(self, seat: Seat) -> None:
        """Has nothing begin where a worker was killed, until a node's death would be known."""
        self._schedule.lose(seat.title)
        self._in_doubt[seat.title] = self._clock()

    def _look_for_the_lost(self) -> Iterator[Answered]:
        """Gives seats whose node was started again their node, and gives up the others in time."""
        now = self._clock()
        if not self._schedule.lost or now - self._looked < _LOOK_UP_S:
            return
        self._looked = now
        nodes = self._transport.nodes()
        self._clear_doubts({node.id for node in nodes})
        used = {seat.node.id for seat in self._schedule.seats.values()}
        free = [node for node in nodes if node.id not in used]
        for seat in self._schedule.lost:
            if seat.title in self._in_doubt:
                continue
            node = next((node for node in free if node.place == seat.node.place), None)
            if node is not None:
                free.remove(node)
                self._found(seat, node)
            elif now - self._lost_at[seat.title] >= self._return_s and not self._in_doubt:
                for job in self._schedule.give_up(seat.title):
                    title = seat.title if job.title is not None else ""
                    reason = "was not begun: its node is gone"
                    yield self._empty(Answered(job.errand, title, job.attempt, reason=reason))

    def _clear_doubts(self, alive: Collection[str]) -> None:
        """Gives seats their nodes back that have lived on, those with the ids ``alive``."""
        for title, since in list(self._in_doubt.items()):
            seat = self._schedule.seats[title]
            if seat.node.id not in alive:
                del self._in_doubt[title]
                self._lose(seat)
            elif self._clock() - since >= _DEATH_KNOWN_S:
                del self._in_doubt[title]
                self._schedule.find(title, seat.node)

    def _found(self, seat: Seat, node: Node) -> None:
        del self._lost_at[seat.title]
        self._schedule.find(seat.title, node)
        self._progress.note(f"{seat.title} is back")

    @property
    def _return_s(self) -> float:
        return _RETURN_S if self._plan.retries else 0.0


def _why_failed(ended: Ended, home: Home) -> str:
    """Returns why an attempt that was carried to its end has failed, empty where it has not."""
    if ended.failure:
        return ended.failure
    if ended.status is not None and ended.status < 0:
        return f"r50bench was killed there by signal {-ended.status}"
    if ended.status != 0:
        return _last_words(ended.tail) or f"r50bench ended there with status {ended.status}"
    if home.refused:
        return f"refused: {home.refused[0]}"
    if not any(run.record.status == "valid" for run in home.runs):
        return "it said that it was done, and no valid record came home"
    return ""


def _last_words(tail: Sequence[str]) -> str:
    """Returns the error that r50bench ended with, without its hint."""
    said = [line for line in tail if line.startswith("r50bench: ")]
    return said[-1].removeprefix("r50bench: ") if said else ""
