"""What instances that share weights save in memory, and that it costs no throughput.

    python benchmarks/weight_sharing.py [--engine r50] [--precision int8] [--instances 1 2 4]

N instances of one core each run batch 8 in one process with one copy of the weights, and beside
that as N processes, both loaded and warm; rounds of the two take turns. Where there are fewer
cores than instances, these share cores, on both sides alike.

Memory is the proportional share (PSS) of all processes of a side. Sharing holds when it is at most
that of one instance alone plus N times an instance's own: activations, batch and thread. It costs
nothing when the ratio of throughputs, round by round, has a median of at least 1 − its spread.
Exits with 3 where either fails.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from r50bench.assets.store import default_store
from r50bench.case import Case
from r50bench.engines.base import EngineSpec
from r50bench.host.isa import resolve_precision
from r50bench.host.topology import Host, read_host
from r50bench.load import LoadGen, LoadgenSettings
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.binding import pss_bytes
from r50bench.measure.inputs import gather
from r50bench.notices import Silent

_BATCH = 8
_MIB = 1 << 20
_THREAD_BYTES = 4 * _MIB  # stack, OpenMP's and the allocator's own for one thread


@dataclass(frozen=True)
class Verdict:
    """What came out for N instances; ``ratios`` are shared over apart, round by round."""

    instances: int
    shared_bytes: int
    apart_bytes: int
    limit_bytes: int
    ratios: Sequence[float]

    @property
    def saves(self) -> bool:
        """Whether no second copy of the weights is there."""
        return self.shared_bytes <= self.limit_bytes

    @property
    def keeps_up(self) -> bool:
        """Whether sharing is no slower than what the rounds scatter by."""
        quarters = statistics.quantiles(self.ratios, n=4)
        return statistics.median(self.ratios) >= 1 - max(0.01, quarters[2] - quarters[0])


# --- in a worker ----------------------------------------------------------------------------------


def serve(encoded: str, cpus: Sequence[int]) -> None:
    """Loads the spec's runners, one thread per CPU; each line on stdin is a time to run, in s.

    Answers ``PSS OWN`` once warm, bytes; then images per second of all threads, each time.
    """
    from r50bench.engines.registry import load_engine

    os.sched_setaffinity(0, set(cpus))
    spec = msgspec.json.decode(encoded, type=EngineSpec)
    engine = load_engine(spec)
    noise = np.random.default_rng(1).normal(size=(_BATCH, 3, 224, 224)).astype(np.float32)
    threads = [ThreadPoolExecutor(1) for _ in cpus]

    def start(index: int, cpu: int) -> Any:
        os.sched_setaffinity(0, {cpu})
        runner = engine.runner(index)
        prepared = runner.prepare(noise)
        for _ in range(3):
            runner.infer(prepared)
        return lambda: runner.infer(prepared)

    jobs = [
        thread.submit(start, index, cpu)
        for index, (thread, cpu) in enumerate(zip(threads, cpus, strict=True))
    ]
    infers = [job.result() for job in jobs]
    print(pss_bytes(), getattr(engine, "runner_bytes", 0) + noise.nbytes, flush=True)
    for line in sys.stdin:
        end = time.perf_counter() + float(line)
        runs = [
            thread.submit(images_per_second, infer, end)
            for thread, infer in zip(threads, infers, strict=True)
        ]
        print(sum(run.result() for run in runs), flush=True)


def images_per_second(infer: Any, end: float) -> float:
    """Runs batches until ``end`` of the monotonic clock."""
    count, began = 0, time.perf_counter()
    while time.perf_counter() < end:
        infer()
        count += 1
    return count * _BATCH / (time.perf_counter() - began)


# --- in the parent --------------------------------------------------------------------------------


class Side:
    """Worker processes that are loaded and warm; ``cpus`` lists those of each."""

    def __init__(
        self, spec: EngineSpec, environment: dict[str, str], cpus: Sequence[Sequence[int]]
    ) -> None:
        encoded = msgspec.json.encode(spec).decode()
        self._workers = [
            subprocess.Popen(
                [sys.executable, __file__, "--serve", encoded, *map(str, mine)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for mine in cpus
        ]
        said = [_hear(worker).split() for worker in self._workers]
        self.own_bytes = int(said[0][1])

    @property
    def pss_bytes(self) -> int:
        """Of all workers; read when nothing else of the benchmark runs."""
        return sum(pss_bytes(worker.pid) for worker in self._workers)

    def run(self, seconds: float) -> float:
        """Returns images per second, all workers at once."""
        for worker in self._workers:
            assert worker.stdin is not None
            worker.stdin.write(f"{seconds}\n")
            worker.stdin.flush()
        return sum(float(_hear(worker)) for worker in self._workers)

    def close(self) -> None:
        """Ends the workers."""
        for worker in self._workers:
            worker.kill()
            worker.wait()


def _hear(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        raise SystemExit("a worker died")
    return line


def compiled(
    engine: str, precision: str, weights: str, host: Host
) -> tuple[EngineSpec, dict[str, str]]:
    """Returns the spec of one instance with all that it loads, and the workers' environment."""
    case = Case(
        mode="throughput",
        precision=resolve_precision(precision, host),
        batch_size=_BATCH,
        cores_per_instance=1,
        instances=1,
        steps=1,
        warmup_steps=1,
        weights=weights,
        engine=engine,
    )
    bench = Bench(host, AssetResolver(default_store(), Silent()), Path(), Silent())
    inputs = gather(case, bench, LoadGen(LoadgenSettings()))
    return inputs.engine, inputs.environment


def compare(
    spec: EngineSpec, environment: dict[str, str], cpus: Sequence[int], rounds: int, seconds: float
) -> Verdict:
    """Measures as many instances as there are ``cpus``, sharing and apart."""
    alone = Side(spec, environment, [cpus[:1]])
    limit = alone.pss_bytes + len(cpus) * (alone.own_bytes + _THREAD_BYTES)
    alone.close()
    shared = Side(replace(spec, runners=len(cpus)), environment, [cpus])
    shared_bytes = shared.pss_bytes
    apart = Side(spec, environment, [[cpu] for cpu in cpus])
    try:
        ratios = []
        for number in range(rounds):
            order = (shared, apart) if number % 2 else (apart, shared)
            figures = {side: side.run(seconds) for side in order}
            ratios.append(figures[shared] / figures[apart])
        # PSS divides the libraries' pages among all: each side's is read without the other's.
        shared.close()
        return Verdict(len(cpus), shared_bytes, apart.pss_bytes, limit, ratios)
    finally:
        shared.close()
        apart.close()


def line(verdict: Verdict) -> str:
    """Returns the row of the table."""
    quarters = statistics.quantiles(verdict.ratios, n=4)
    memory = (verdict.shared_bytes, verdict.apart_bytes, verdict.limit_bytes)
    return (
        f"{verdict.instances:9} {'  '.join(f'{size / _MIB:9.0f}' for size in memory)}"
        f"  {statistics.median(verdict.ratios):.3f}"
        f" ({quarters[0]:.3f}-{quarters[2]:.3f})"
        f"   {'ok' if verdict.saves and verdict.keeps_up else 'FAILED'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="r50", help="one whose instances share weights")
    parser.add_argument("--precision", default="int8", help="fp32, bf16, int8 or a full name")
    parser.add_argument("--weights", default="auto", help="as of r50bench run")
    parser.add_argument("--instances", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="of one side in a round")
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve is not None:
        serve(arguments.serve[0], [int(word) for word in arguments.serve[1:]])
        return
    host = read_host()
    cores = [core.cpus[0] for core in host.cores]
    spec, environment = compiled(arguments.engine, arguments.precision, arguments.weights, host)
    print("instances  shared MiB  apart MiB  limit MiB  shared / apart (quartiles)")
    failed = False
    for count in arguments.instances:
        cpus = [cores[index % len(cores)] for index in range(count)]
        verdict = compare(spec, environment, cpus, arguments.rounds, arguments.seconds)
        print(line(verdict), flush=True)
        failed |= not (verdict.saves and verdict.keeps_up)
    sys.exit(3 if failed else 0)


if __name__ == "__main__":
    main()
