"""A program of r50bench's that a node runs to its end, listened to in one's sleep."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench.engines.child import end_child, start_child
from r50bench.errors import RunFailed
from r50bench.fleet.frames import LONGEST_LINE, TAIL_LINES
from r50bench.host.refusals import explained
from r50bench.wording import visible

__all__ = ["Attended", "attend"]

_LOOK_UP_S = 1.0  # only where the kernel tells of no end
_CHUNK = 64 << 10


@dataclass(frozen=True)
class Attended:
    """``status`` as :mod:`subprocess` has it, None where its time was up and it was ended."""

    status: int | None
    tail: tuple[str, ...]


def attend(
    module_and_arguments: Sequence[str],
    environment: Mapping[str, str],
    limit_s: float,
    listen: Callable[[str], None] = lambda line: None,
    output: Path | None = None,
) -> Attended:
    """Runs ``python -m MODULE ARGUMENTS…`` to its end, and calls ``listen`` with each line.

    Lines are those of stderr; stdout goes to the file ``output``, or nowhere. This process sleeps
    in between. The program leads a process group, which is killed as a whole when ``limit_s`` is
    over or the caller fails or is interrupted; it ends with this process, too.

    Raises:
        RunFailed: it cannot be started.
    """
    try:
        with open(output or os.devnull, "wb") as stdout:
            child = start_child(module_and_arguments, environment, stdout, subprocess.PIPE)
    except OSError as error:
        told = explained(error)
        raise told or RunFailed(f"r50bench cannot be started: {error}") from error
    assert child.stderr is not None
    lines = _Lines(listen)
    try:
        with child.stderr:
            in_time = _listen(child, child.stderr.fileno(), lines, time.monotonic() + limit_s)
    finally:
        end_child(child)
    return Attended(child.returncode if in_time else None, tuple(lines.tail))


def _listen(child: subprocess.Popen[bytes], pipe: int, lines: _Lines, deadline: float) -> bool:
    """Reads until the program has ended, and returns True, or until the deadline.

    The pipe's end is not waited for: what the program has started may hold it for longer.
    """
    os.set_blocking(pipe, False)
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    end = _end_of(child.pid)
    try:
        if end is not None:
            poll.register(end, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            ready = poll.poll(1000 * (left if end is not None else min(left, _LOOK_UP_S)))
            if any(descriptor == pipe for descriptor, _ in ready) and not lines.read(pipe):
                poll.unregister(pipe)
            if child.poll() is not None:
                while lines.read(pipe):
                    pass
                return True
        return False
    finally:
        if end is not None:
            os.close(end)


def _end_of(pid: int) -> int | None:
    """Returns a descriptor that can be read once the process has ended, None without such."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


class _Lines:
    """Puts what a pipe gives together to lines, and keeps the last of them."""

    def __init__(self, listen: Callable[[str], None]) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._listen = listen
        self._begun = b""

    def read(self, pipe: int) -> bool:
        """Takes what is there now; returns False at the pipe's end, or where nothing is there."""
        try:
            data = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return False
        *whole, self._begun = (self._begun + data).split(b"\n")
        if not data or len(self._begun) > _CHUNK:
            whole, self._begun = [*whole, self._begun], b""
        for line in whole:
            text = visible(line.decode(errors="replace"))[:LONGEST_LINE].rstrip()
            if text:
                self.tail.append(text)
                self._listen(text)
        return bool(data)
