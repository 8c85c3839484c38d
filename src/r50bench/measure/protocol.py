"""What parent and worker say to each other: one JSON message a line, on a pair of private pipes.

The parent sends a :class:`WorkerPlan`, then commands; every command is answered by exactly one
answer of the type named in :data:`ANSWER_TO`, or by :class:`Failed`. How far each instance is goes
by no message but by :class:`Scoreboard`: a counter costs the measured loop one store; a message
would cost a system call, and would wake the parent on a core that is being measured.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from contextlib import suppress

import msgspec

from r50bench.case import Slot
from r50bench.engines.base import EngineSpec
from r50bench.errors import RunFailed
from r50bench.load import LoadgenPlan
from r50bench.results.files import from_json, to_json
from r50bench.results.record import Evidence

__all__ = [
    "ANSWER_TO",
    "Answer",
    "Command",
    "Failed",
    "FeedSpec",
    "LoadEngine",
    "Loaded",
    "LoadgenRan",
    "Measure",
    "Measured",
    "ObserveKernels",
    "Observed",
    "Predicted",
    "RunLoadgen",
    "ScorePictures",
    "Scoreboard",
    "Timing",
    "WarmUp",
    "Warmed",
    "WorkerPlan",
    "decode_answer",
    "decode_command",
    "decode_plan",
    "encode",
]


class FeedSpec(msgspec.Struct, frozen=True):
    """Where batches come from.

    ``pictures`` is the path of a uint8 array (N, 224, 224, 3), or None for seeded dummy input;
    ``ring_pictures`` how many pictures rotate through the measured window.
    """

    pictures: str | None
    convention: str
    seed: int
    batch_size: int
    ring_pictures: int


class WorkerPlan(msgspec.Struct, frozen=True):
    """All that one worker needs to know.

    ``canary`` is the path of the library that looks at the cores, None where nothing does;
    ``shares`` are half-open picture ranges to score.
    """

    worker: int
    slots: tuple[Slot, ...]
    engine: EngineSpec
    feed: FeedSpec
    steps: int
    warmup_steps: int
    bind_memory: bool
    canary: str | None = None
    shares: tuple[tuple[int, int], ...] = ()


class LoadEngine(msgspec.Struct, frozen=True, tag=True):
    """Load engine and input, and run the first batch."""


class ObserveKernels(msgspec.Struct, frozen=True, tag=True):
    """Run one untimed batch under the kernel log."""


class WarmUp(msgspec.Struct, frozen=True, tag=True):
    """Run the warm-up steps, all instances from ``at_ns`` on (CLOCK_MONOTONIC)."""

    at_ns: int


class Measure(msgspec.Struct, frozen=True, tag=True):
    """Run ``steps``, or the plan's, all instances from ``at_ns`` on (CLOCK_MONOTONIC).

    With ``until_ns``, as many steps as begin before that, timed by the same clock and not by the
    engine's; with ``pause_ns``, an instance sleeps that long after each.
    """

    at_ns: int
    until_ns: int | None = None
    steps: int | None = None
    pause_ns: int = 0


class ScorePictures(msgspec.Struct, frozen=True, tag=True):
    """Classify the pictures of each instance's share."""


class RunLoadgen(msgspec.Struct, frozen=True, tag=True):
    """Run one LoadGen test, whose user.conf lies in ``folder`` and whose logs will.

    ``cpus`` are those that LoadGen's own threads may run on.
    """

    settings: LoadgenPlan
    folder: str
    cpus: tuple[int, ...]


Command = LoadEngine | ObserveKernels | WarmUp | Measure | ScorePictures | RunLoadgen


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """``cpus`` (per instance) and ``memory_nodes`` are read back from the kernel.

    ``threads_bound``: every instance has one thread for each of its CPUs, bound to it.
    ``looked_at`` are the CPUs (per instance) that the canary looks at, none without one;
    ``no_canary`` says why not, where there was to be one.
    """

    engine_version: str
    cpus: tuple[tuple[int, ...], ...]
    memory_nodes: tuple[int, ...]
    threads_bound: bool
    environment: dict[str, str]
    load_s: float
    first_batch_s: float
    looked_at: tuple[tuple[int, ...], ...] = ()
    no_canary: str = ""


class Observed(msgspec.Struct, frozen=True, tag=True):
    """The kernel log of one inference, as the engine's library printed it, and what it proves."""

    log: str
    evidence: Evidence


class Warmed(msgspec.Struct, frozen=True, tag=True):
    """``pss_bytes`` is the worker's proportional set size once everything is touched.

    None where the kernel does not say.
    """

    warmup_s: float
    pss_bytes: int | None


class Timing(msgspec.Struct, frozen=True):
    """Start and end of every measured batch of one instance, in ns of the engine's clock.

    What the canary took around each, and how long a thread waited meanwhile, where it looked.
    """

    instance: int
    starts_ns: list[int]
    ends_ns: list[int]
    canary_ns: list[int] = []
    waited_ns: list[int] = []


class Contention(msgspec.Struct, frozen=True):
    """For how many ns, of ``wall_ns``, the thread worst off was ready and others had its CPU.

    ``own_ns`` is the CPU time of this worker meanwhile, ``busy_ns`` that of the whole machine.
    ``lost_ns`` and ``busy_ns`` are None where the kernel does not say; see :mod:`.contention`.
    """

    lost_ns: int | None
    wall_ns: int
    own_ns: int = 0
    busy_ns: int | None = None


class Measured(msgspec.Struct, frozen=True, tag=True):
    """One timing per instance of this worker."""

    timings: tuple[Timing, ...]
    contention: Contention = Contention(None, 0)


class Predicted(msgspec.Struct, frozen=True, tag=True):
    """``top5`` holds, per picture of ``pictures``, the five likeliest classes, likeliest first."""

    pictures: list[int]
    top5: list[tuple[int, int, int, int, int]]


class LoadgenRan(msgspec.Struct, frozen=True, tag=True):
    """The test ran through; what it found is in LoadGen's logs."""

    contention: Contention


class Failed(msgspec.Struct, frozen=True, tag=True):
    """``kind`` is the name of a class of :mod:`r50bench.errors`."""

    kind: str
    message: str
    hint: str | None


Watched = Measured | LoadgenRan
"""Answers that say how far they were disturbed."""

Answer = Loaded | Observed | Warmed | Measured | Predicted | LoadgenRan | Failed

ANSWER_TO: dict[type, type] = {
    LoadEngine: Loaded,
    ObserveKernels: Observed,
    WarmUp: Warmed,
    Measure: Measured,
    ScorePictures: Predicted,
    RunLoadgen: LoadgenRan,
}

_WORD = 8  # bytes of a counter


def encode(message: Command | Answer | WorkerPlan) -> bytes:
    """Returns the message as one line, newline included."""
    return to_json(message) + b"\n"


def decode_plan(line: bytes) -> WorkerPlan:
    """Reads the first line that a worker is sent."""
    plan: WorkerPlan = from_json(line, WorkerPlan)
    return plan


def decode_command(line: bytes) -> Command:
    command: Command = from_json(line, Command)
    return command


def decode_answer(line: bytes) -> Answer:
    """Reads an answer; raises msgspec.MsgspecError on garbage."""
    answer: Answer = from_json(line, Answer)
    return answer


def _unnamed_memory() -> int:
    """Returns a descriptor of shared memory, of a file without a name where a sandbox has none.

    The disk sees little of that file: a page that is written to thousands of times a second goes
    there every few seconds.
    """
    with suppress(OSError, AttributeError):  # the C library may be too old for it
        return os.memfd_create("r50bench-scoreboard")
    for folder in ("/dev/shm", None):
        with suppress(OSError), tempfile.TemporaryFile(dir=folder) as file:
            return os.dup(file.fileno())
    raise RunFailed(
        "there is no memory that instances could share: memfd_create, /dev/shm and the temporary"
        " folder are all refused",
        hint="docker run --tmpfs /tmp, or TMPDIR names a folder that can be written",
    )


class Scoreboard:
    """Batches finished so far, per instance. The parent creates it, workers attach to it."""

    def __init__(self, fd: int, instances: int) -> None:
        self.fd = fd
        self._memory = mmap.mmap(fd, max(instances, 1) * _WORD)
        self._counts = memoryview(self._memory).cast("Q")

    @classmethod
    def create(cls, instances: int) -> Scoreboard:
        """Creates a scoreboard whose descriptor can be passed to children."""
        fd = _unnamed_memory()
        os.ftruncate(fd, max(instances, 1) * _WORD)
        return cls(fd, instances)

    def tick(self, instance: int, count: int = 1) -> None:
        """Counts one more batch of ``instance``, or ``count`` samples of LoadGen."""
        self._counts[instance] += count

    def total(self) -> int:
        """Returns the batches finished by all instances since the scoreboard was created."""
        return sum(self._counts)

    def close(self) -> None:
        """Unmaps the memory and closes the descriptor."""
        self._counts.release()
        self._memory.close()
        os.close(self.fd)
