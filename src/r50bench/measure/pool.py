"""The workers of one session: started, told what to do, watched, and gone when it ends.

The parent blocks on file descriptors; it never polls a core that is being measured. A worker that
dies, hangs, or answers something else than it was asked ends the session.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from r50bench import errors
from r50bench.engines.environment import python_command
from r50bench.errors import R50BenchError, RunFailed, WorkerFailed
from r50bench.host.kernel_files import read_oom_kills
from r50bench.measure.protocol import (
    ANSWER_TO,
    Answer,
    Command,
    Failed,
    Scoreboard,
    WorkerPlan,
    decode_answer,
    encode,
)
from r50bench.notices import Progress
from r50bench.results.files import tail_of

__all__ = ["Pool"]

_LOOK_UP_S = 1.0
_BATCH_PATIENCE = 5
_LOG_TAIL_LINES = 5
_EXIT_S = 2.0
_REAPED_S = 10.0  # a killed process may have gigabytes to give back
_A = TypeVar("_A")


class _Process:
    """One worker process and the parent's ends of its pipes."""

    def __init__(
        self, plan: WorkerPlan, environment: Mapping[str, str], log: Path, scoreboard_fd: int
    ) -> None:
        self.plan = plan
        self.log = log
        self._oom_kills = read_oom_kills(Path("/"))
        command_end, self._commands = os.pipe()
        self.answers, answer_end = os.pipe()
        arguments = [str(word) for word in (command_end, answer_end, scoreboard_fd, os.getpid())]
        try:
            with log.open("ab") as output:
                self.popen = subprocess.Popen(
                    [*python_command("r50bench.measure.worker", environment), *arguments],
                    env=dict(environment),
                    pass_fds=(command_end, answer_end, scoreboard_fd),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except BaseException:
            os.close(self._commands)
            os.close(self.answers)
            raise
        finally:
            os.close(command_end)
            os.close(answer_end)
        self._unread = b""

    @property
    def label(self) -> str:
        instances = ", ".join(str(slot.instance) for slot in self.plan.slots)
        return f"worker {self.plan.worker} (instance {instances}, pid {self.popen.pid})"

    def tell(self, message: Command | WorkerPlan) -> None:
        """Sends a message; a worker that is gone is noticed when its answer is awaited.

        Raises:
            WorkerFailed: the system refuses.
        """
        try:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._commands, encode(message))
        except OSError as error:
            raise WorkerFailed(f"{self.label} cannot be told anything: {error}") from error

    def read(self) -> Answer | None:
        """Reads what has arrived; returns an answer once one is whole.

        Raises:
            WorkerFailed: the worker closed its pipe (it died) or wrote garbage, or the system
                refuses to read.
        """
        try:
            chunk = os.read(self.answers, 1 << 20)
        except OSError as error:
            raise WorkerFailed(f"{self.label} cannot be heard: {error}") from error
        if not chunk:
            raise self._died()
        self._unread += chunk
        line, newline, rest = self._unread.partition(b"\n")
        if not newline:
            return None
        self._unread = rest
        try:
            return decode_answer(line)
        except msgspec.MsgspecError as error:
            raise WorkerFailed(
                f"{self.label} answered garbage: {error}", hint=self.tail()
            ) from None

    def _died(self) -> WorkerFailed:
        try:
            code = self.popen.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            return WorkerFailed(f"{self.label} closed its pipe but lives on", hint=self.tail())
        from r50bench.host.refusals import (  # few workers die
            explained_log,
            killed_for_memory,
            time_is_up,
        )

        how = f"was killed by {_name(-code)}" if code < 0 else f"exited with status {code}"
        log = self.tail()
        killed = killed_for_memory(self._oom_kills) if code == -signal.SIGKILL else None
        refusal = killed or time_is_up(code) or (explained_log(log) if log else None)
        if refusal is not None:
            return WorkerFailed(f"{self.label} {how}: {refusal.message}", hint=refusal.hint)
        return WorkerFailed(f"{self.label} {how}", hint=log)

    def tail(self) -> str | None:
        """Returns the last lines of the worker's log, or None if it is empty."""
        lines = tail_of(self.log, _LOG_TAIL_LINES)
        return "its log ends: " + " | ".join(lines) if lines else None

    def dismiss(self) -> None:
        """Closes the command pipe, which ends the worker's service."""
        os.close(self._commands)

    def kill(self) -> None:
        """Kills the worker with all it started, and reaps it.

        Where a sandbox forbids to kill it, it ends by itself, as its pipe is closed.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(_REAPED_S)
        os.close(self.answers)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


class Pool:
    """A context in which the workers live. Leaving it, however it is left, leaves no process.

    ``timeout_s``: a worker that neither answers nor finishes a batch for so long is taken to hang.
    ``variables`` gives what one worker has in its environment beside ``environment``.
    """

    def __init__(
        self,
        plans: Sequence[WorkerPlan],
        environment: Mapping[str, str],
        folder: Path,
        progress: Progress,
        *,
        timeout_s: float,
        variables: Callable[[WorkerPlan], Mapping[str, str]] = lambda _: {},
    ) -> None:
        self._plans = plans
        self._variables = variables
        self._environment = environment
        self._folder = folder
        self._progress = progress
        self._timeout_s = timeout_s
        self._processes: list[_Process] = []
        self._ended = False

    def __enter__(self) -> Pool:
        instances = sum(len(plan.slots) for plan in self._plans)
        self._scoreboard = Scoreboard.create(instances)
        try:
            for plan in self._plans:
                log = self._folder / f"worker-{plan.worker}.log"
                environment = {**self._environment, **self._variables(plan)}
                process = _Process(plan, environment, log, self._scoreboard.fd)
                self._processes.append(process)
                process.tell(plan)
        except BaseException as error:
            self._end(kind=False)
            if isinstance(error, OSError):
                raise _not_started(error) from error
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end(kind=kind is None)

    @property
    def pids(self) -> list[int]:
        """Process ids, by worker."""
        return [process.popen.pid for process in self._processes]

    def ask(
        self, command: Command, answer: type[_A], *, timeout_s: float | None = None
    ) -> list[_A]:
        """Sends ``command`` to all workers; returns their answers, by worker, as :meth:`hear`."""
        assert ANSWER_TO[type(command)] is answer
        self.tell(command)
        return self.hear(answer, timeout_s=timeout_s)

    def tell(self, command: Command) -> None:
        """Sends ``command`` to all workers, whose answers :meth:`hear` is to await."""
        for process in self._processes:
            process.tell(command)

    def hear(self, answer: type[_A], *, timeout_s: float | None = None) -> list[_A]:
        """Returns what all workers answer to what they were told last, by worker.

        Progress is advanced by the batches that all instances finish meanwhile.

        Raises:
            R50BenchError: the error a worker reported, by its own class.
            WorkerFailed: a worker died, hung, or gave another answer.
        """
        answers: dict[int, _A] = {}
        with selectors.DefaultSelector() as selector:
            for process in self._processes:
                selector.register(process.answers, selectors.EVENT_READ, process)
            watch = _Watch(self._scoreboard, timeout_s or self._timeout_s)
            while len(answers) < len(self._processes):
                for key, _ in selector.select(_LOOK_UP_S):
                    process = key.data
                    reply = process.read()
                    if reply is None:
                        continue
                    answers[process.plan.worker] = _expect(reply, answer, process.label)
                    selector.unregister(process.answers)
                    watch.reset()
                self._progress.advance(watch.finished())
                if watch.stalled():
                    raise self._hung(answers, watch.limit_s)
        return [answers[process.plan.worker] for process in self._processes]

    def _hung(self, answers: Mapping[int, object], limit_s: float) -> WorkerFailed:
        silent = [one for one in self._processes if one.plan.worker not in answers]
        return WorkerFailed(
            f"{silent[0].label} hangs: no batch and no answer for {limit_s:g} s",
            hint=silent[0].tail() or "--timeout SECONDS grants a slow machine more",
        )

    def expect_batches_of(self, seconds: float) -> None:
        """Grants a worker five times what a batch takes, where that is more than ``timeout_s``.

        An emulated CPU computes one batch for minutes, and does not hang.
        """
        self._timeout_s = max(self._timeout_s, _BATCH_PATIENCE * seconds)

    def kill(self) -> None:
        """Ends all workers at once, whatever they are doing."""
        self._end(kind=False)

    def _end(self, *, kind: bool) -> None:
        if self._ended:
            return
        self._ended = True
        for process in self._processes:
            process.dismiss()
        if kind:
            deadline = time.monotonic() + _EXIT_S
            for process in self._processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.popen.wait(max(0.0, deadline - time.monotonic()))
        for process in self._processes:
            process.kill()
        self._processes.clear()
        self._scoreboard.close()


def _not_started(error: OSError) -> RunFailed:
    from r50bench.host.refusals import explained, why_not_started

    hint = why_not_started(error)
    told = None if hint else explained(error)
    return told or WorkerFailed(f"a worker cannot be started: {error}", hint=hint)


class _Watch:
    """Tells a slow worker from a hanging one: a finished batch is a sign of life."""

    def __init__(self, scoreboard: Scoreboard, limit_s: float) -> None:
        self.limit_s = limit_s
        self._scoreboard = scoreboard
        self._first = self._last = scoreboard.total()
        self._alive = time.monotonic()

    def reset(self) -> None:
        self._alive = time.monotonic()

    def finished(self) -> int:
        total = self._scoreboard.total()
        if total != self._last:
            self._last = total
            self.reset()
        return total - self._first

    def stalled(self) -> bool:
        return time.monotonic() - self._alive > self.limit_s


def _expect(reply: Answer, answer: type[_A], label: str) -> _A:
    if isinstance(reply, answer):
        return reply
    if isinstance(reply, Failed):
        found = getattr(errors, reply.kind, WorkerFailed)
        kind = found if issubclass(found, R50BenchError) else WorkerFailed
        raise kind(f"{label}: {reply.message}", hint=reply.hint)
    raise WorkerFailed(f"{label} answered {type(reply).__name__} where {answer.__name__} was due")
