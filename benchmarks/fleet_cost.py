"""What a fleet costs the figures of a node: the same case by hand and under a fleet, in turns.

    python benchmarks/fleet_cost.py                       # r50 in fp32, ten pairs, some 10 minutes
    python benchmarks/fleet_cost.py --pairs 20 --case inference_latency_int8

A cluster of Ray's own is started on this machine: a head that offers no CPUs, and one node. Its
processes are there all the time, as they are on a node that waits, and are idle while it is
measured by hand. Each pair is a run by hand and a run of ``r50bench fleet run``, in an order that
is drawn. With --without-ray, runs by hand are made with no Ray process on the machine at all, so
that the ratio is the cost of the cluster's presence too: starting it anew for each pair takes half
a minute.

A fleet can cost a node in two ways, and each shows in a figure that hardly knows other guests of a
shared machine: the environment that it hands to the workers slows every batch down, the fastest
tenth too; and its processes take CPUs from the instances, which the kernel counts as waiting. The
ratio of all batches holds both and the other guests' work. Each is said with its 95 % interval by
Student's t over pairs.

Exits with 3 where the fastest tenth is slower by more than two per cent beyond doubt, or the
instances wait for more than two per cent more of the time. It takes Ray.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

import r50bench
from r50bench.results.record import RECORD_FILE
from r50bench.results.stats import geometric_mean

GOAL = 0.98
SYSTEM = Path(__file__).resolve().parents[1] / "tests" / "system" / "fleet.py"
PROGRAM = "import sys; from r50bench.cli.main import main; sys.exit(main())"


@dataclass(frozen=True)
class Measured:
    """What a run says: batches a second, in the mean and by the fastest tenth, and waiting.

    ``waited`` is the share of the measured time in which an instance was ready to run and another
    process of this machine had its CPU.
    """

    all: float
    fastest: float
    waited: float


Pair = tuple[Measured, Measured]
"""By hand, and by the fleet."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="inference_throughput_fp32")
    parser.add_argument("--engine", default="r50")
    parser.add_argument("--steps", default="60")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--without-ray", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.pairs < 2:
        parser.error("--pairs: two are the least that have an interval")
    words = [asked.case, "--engine", asked.engine, "--steps", asked.steps]
    with tempfile.TemporaryDirectory(prefix="fc-") as folder:
        pairs = _pairs(words, asked.pairs, Path(folder), asked.without_ray, asked.seed)
    print(f"{asked.case} on {asked.engine}, {len(pairs)} pairs, under the fleet over by hand:")
    return 3 if _told(pairs) else 0


def _pairs(
    words: Sequence[str], count: int, folder: Path, without_ray: bool, seed: int
) -> list[Pair]:
    system, draw, pairs = _system(), random.Random(seed), []
    cluster = None if without_ray else _started(system, folder)
    try:
        _by_hand(words, folder / "first")  # whatever is compiled or fetched, is now
        for number in range(1, count + 1):
            found = {}
            for side in draw.sample(["hand", "fleet"], 2):
                out = folder / f"{side}-{number}"
                if side == "hand":
                    found[side] = _by_hand(words, out)
                    continue
                used = cluster or _started(system, folder)
                found[side] = _by_fleet(words, used, out)
                if cluster is None:
                    used.close()
            hand, fleet = found["hand"], found["fleet"]
            pairs.append((hand, fleet))
            print(
                f"pair {number}: all batches {fleet.all / hand.all:.4f}, fastest tenth"
                f" {fleet.fastest / hand.fastest:.4f}, waited {hand.waited:.2%} by hand and"
                f" {fleet.waited:.2%} under the fleet",
                flush=True,
            )
    finally:
        if cluster is not None:
            cluster.close()
    return pairs


def _told(pairs: Sequence[Pair]) -> bool:
    """Says what the pairs have in common, and returns whether the fleet costs too much."""
    _say_ratio("all batches", pairs, lambda one: one.all)
    high = _say_ratio("fastest tenth", pairs, lambda one: one.fastest)
    more = np.array([fleet.waited - hand.waited for hand, fleet in pairs])
    low_more, high_more = stats.t.interval(0.95, len(more) - 1, more.mean(), stats.sem(more))
    print(f"  waited longer by {more.mean():.2%} of the time ({low_more:.2%} to {high_more:.2%})")
    return high < GOAL or low_more > 1 - GOAL


def _say_ratio(name: str, pairs: Sequence[Pair], of: Callable[[Measured], float]) -> float:
    """Says the ratio of a figure over pairs, and returns the upper end of its interval."""
    logs = np.log([of(fleet) / of(hand) for hand, fleet in pairs])
    ratio = geometric_mean(logs)
    assert ratio.low is not None
    assert ratio.high is not None
    print(
        f"  {name} {ratio.value:.4f} ({ratio.low:.4f} to {ratio.high:.4f}), a pair's spread"
        f" {np.std(logs, ddof=1):.2%}"
    )
    return ratio.high


def _system():  # type: ignore[no-untyped-def]
    """Returns the module of the system's trial, which knows how to start a cluster."""
    if importlib.util.find_spec("ray") is None:
        sys.exit("Ray is not installed: pip install 'ray[client]'")
    spec = importlib.util.spec_from_file_location("system_fleet", SYSTEM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["system_fleet"] = module
    spec.loader.exec_module(module)
    return module


def _started(system, folder: Path):  # type: ignore[no-untyped-def]
    cluster = system.Cluster(folder)
    cluster.start_head()
    cluster.start_node("n1")
    return cluster


def _by_hand(words: Sequence[str], out: Path) -> Measured:
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "run", *words, "-q", "--out", str(out)],
        stdout=subprocess.DEVNULL,
        env=os.environ | {"R50BENCH_DATA": str(out / "data")},
        check=True,
    )
    return _measured(out)


def _by_fleet(words: Sequence[str], cluster, out: Path) -> Measured:  # type: ignore[no-untyped-def]
    asked = ["fleet", "run", *words, "--address", cluster.gcs, "--out", str(out), "-q"]
    said = cluster.run(*asked)
    if said.returncode != 0:
        sys.exit(said.stderr)
    return _measured(out)


def _measured(out: Path) -> Measured:
    """Returns what the one record below ``out`` says."""
    (file,) = out.rglob(RECORD_FILE)
    record = r50bench.read(file.parent)
    assert record.samples is not None
    assert record.lost_cpu_share is not None
    seconds = np.sort(record.samples.latency_ns) / 1e9
    fastest = seconds[: max(1, len(seconds) // 10)]
    return Measured(1 / seconds.mean(), 1 / float(np.median(fastest)), record.lost_cpu_share)


if __name__ == "__main__":
    sys.exit(main())
