"""Batches that count only where the cores ran at full speed before and after them.

Cores of a virtual machine may be several times slower for 10 to 500 ms at a time, each on its own.
A sample here is one batch between two loops of tile products and loads (amx_canary.cpp), 2 us each;
it is accepted if both ran as fast as they can beside nobody. Products alone would not do: they ran
at full speed while whole networks took twice as long. Each instance is a
process of its own, with the environment that its engine gets in a session, bound to its CPUs;
:class:`Instances` has all of a kind run their turn at once.

Run by itself as ``accepted_samples.py SPEC CANARY CPU…`` it is such an instance.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

import r50bench.host
from r50bench.engines.base import EngineSpec
from r50bench.host.toolchain import find_compiler

_SOURCE = Path(__file__).with_name("amx_canary.cpp")
_FLAGS = "-O2 -std=c++17 -shared -fPIC -pthread -mamx-tile -mamx-int8"
_LEAD_NS = 2_000_000
_LEAST_SAMPLES = 2  # of a turn, however long a batch takes


@dataclass(frozen=True)
class Sample:
    """One batch: its stamps in ns, and ns a tile product on the slowest of its cores, the slower of
    the loops before and after it."""

    begin_ns: int
    end_ns: int
    product_ns: float

    @property
    def ms(self) -> float:
        """The batch's time."""
        return (self.end_ns - self.begin_ns) / 1e6


def build_canary(folder: Path) -> Path:
    """Builds the loop of tile products with the compiler that builds the kernels.

    Raises:
        SystemExit: there is none, or it does not know AMX.
    """
    compiler = find_compiler(os.environ)
    if compiler is None:
        raise SystemExit("the loop of tile products cannot be built: there is no C++ compiler")
    library = folder / "amx_canary.so"
    headers = Path(r50bench.host.__file__).parent
    command = [*compiler.words, *_FLAGS.split(), f"-I{headers}", str(_SOURCE), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.splitlines() or [f"{compiler.words[0]} failed"])[0]
        raise SystemExit(
            f"the loop of tile products cannot be built: {said}. It needs g++ 11 or clang 12"
        )
    return library


class Instances:
    """Loaded and warm processes of one engine; ``cpus`` lists those of each."""

    def __init__(
        self,
        spec: EngineSpec,
        environment: dict[str, str],
        cpus: Sequence[Sequence[int]],
        canary: Path,
    ) -> None:
        self.batch_size = spec.batch_size
        encoded = msgspec.json.encode(spec).decode()
        self._workers = [
            subprocess.Popen(
                [sys.executable, __file__, encoded, str(canary), *map(str, mine)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for mine in cpus
        ]
        for worker in self._workers:
            _hear(worker)

    def turn(self, seconds: float) -> list[list[Sample]]:
        """Returns each instance's samples of a turn that all began at once."""
        begin = time.monotonic_ns() + _LEAD_NS
        for worker in self._workers:
            assert worker.stdin is not None
            worker.stdin.write(f"{begin} {begin + int(seconds * 1e9)}\n")
            worker.stdin.flush()
        return [msgspec.json.decode(_hear(worker), type=list[Sample]) for worker in self._workers]

    def close(self) -> None:
        """Ends the processes."""
        for worker in self._workers:
            worker.kill()
            worker.wait()


def images_per_s(
    turn: Sequence[Sequence[Sample]], batch_size: int, most_ns: float
) -> tuple[float | None, int]:
    """Returns what all instances of a turn did together, from the median of each one's accepted
    batches, and how many were accepted; None where an instance has none."""
    accepted = [[sample.ms for sample in one if sample.product_ns <= most_ns] for one in turn]
    count = sum(map(len, accepted))
    if not all(accepted):
        return None, count
    return sum(1e3 * batch_size / statistics.median(one) for one in accepted), count


def _hear(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        raise SystemExit(f"an instance died: {shlex.join(map(str, worker.args))}")
    return line


# --- in an instance -------------------------------------------------------------------------------


def serve(encoded: str, canary: str, cpus: Sequence[int]) -> None:
    """Loads the engine; each line on stdin is when to begin and when to end, monotonic ns."""
    from r50bench.engines.registry import load_engine
    from r50bench.host.lifeline import die_with_parent

    die_with_parent(os.getppid())
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what an engine prints is not an answer
    product_ns = _open_canary(canary, cpus)
    os.sched_setaffinity(0, cpus)
    spec = msgspec.json.decode(encoded, type=EngineSpec)
    engine = load_engine(spec)  # which owns the weights, and so must live as long as its runner
    runner = engine.runner(0)
    noise = np.random.default_rng(1).normal(size=(spec.batch_size, 3, 224, 224))
    prepared = runner.prepare(noise.astype(np.float32))
    _bind_threads(lambda: runner.infer(prepared), cpus)
    for _ in range(3):
        runner.infer(prepared)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        begin, end = map(int, line.split())
        time.sleep(max(0, begin - time.monotonic_ns()) / 1e9)
        runner.infer(prepared)  # the caches were another engine's
        samples = []
        before = product_ns()
        while time.monotonic_ns() < end or len(samples) < _LEAST_SAMPLES:
            began = time.monotonic_ns()
            runner.infer(prepared)
            ended = time.monotonic_ns()
            after = product_ns()
            samples.append(Sample(began, ended, max(before, after)))
            before = after
        print(msgspec.json.encode(samples).decode(), file=answers, flush=True)


def _open_canary(library: str, cpus: Sequence[int]) -> Callable[[], float]:
    loaded = ctypes.CDLL(library)
    error = loaded.canary_open((ctypes.c_int * len(cpus))(*cpus), len(cpus))
    if error != 0:
        raise SystemExit(f"the kernel refuses AMX's tiles: {os.strerror(error)}")
    loaded.canary_ns.restype = ctypes.c_double
    canary: Callable[[], float] = loaded.canary_ns
    return canary


def _bind_threads(infer: Callable[[], object], cpus: Sequence[int]) -> None:
    """Binds the engine's computing threads one to a core, as an instance of a session does."""
    from r50bench.measure.binding import bind_team, busiest_threads, threads_of_process

    if len(cpus) == 1:
        return
    infer()
    helpers = threads_of_process() - {threading.get_native_id()}
    if not bind_team(busiest_threads(helpers, len(cpus) - 1, infer), cpus):
        print("the engine's threads could not be bound one to a core", file=sys.stderr)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], [int(word) for word in sys.argv[3:]])
