"""What a fleet costs the figures of a node: the same case by hand and under a fleet, in turns.

    python benchmarks/fleet_cost.py                       # r50 in fp32, ten pairs, some 10 minutes
    python benchmarks/fleet_cost.py --pairs 20 --case inference_latency_int8

A cluster of Ray's own is started on this machine: a head that offers no CPUs, and one node. Its
processes are there all the time, as they are on a node that waits, and are idle while it is
measured by hand. Each pair is a run by hand and a run of ``r50bench fleet run``, in an order that
is drawn. The ratio is the geometric mean over pairs with its 95 % interval by Student's t; the two
are level where that holds 1. With --without-ray, runs by hand are made with no Ray process on the
machine at all, so that the ratio is the cost of the cluster's presence too: starting it anew for
each pair takes half a minute.

Exits with 3 where the interval lies below 0.98: more than two per cent would be lost. It takes Ray.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from r50bench.results.stats import geometric_mean

GOAL = 0.98
SYSTEM = Path(__file__).resolve().parents[1] / "tests" / "system" / "fleet.py"
PROGRAM = "import sys; from r50bench.cli.main import main; sys.exit(main())"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="inference_throughput_fp32")
    parser.add_argument("--engine", default="r50")
    parser.add_argument("--steps", default="60")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--without-ray", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    system = _system()
    words = [asked.case, "--engine", asked.engine, "--steps", asked.steps]
    draw = random.Random(asked.seed)
    logs = []
    with tempfile.TemporaryDirectory(prefix="fc-") as folder:
        cluster = None if asked.without_ray else _started(system, Path(folder))
        try:
            _by_hand(words, Path(folder))  # whatever is compiled or fetched, is now
            for number in range(asked.pairs):
                sides = ["hand", "fleet"]
                draw.shuffle(sides)
                figures = {}
                for side in sides:
                    if side == "hand":
                        figures[side] = _by_hand(words, Path(folder))
                        continue
                    used = cluster or _started(system, Path(folder))
                    figures[side] = _by_fleet(words, used, Path(folder) / f"out-{number}")
                    if cluster is None:
                        used.close()
                speeds = figures if "throughput" in asked.case else _inverted(figures)
                logs.append(math.log(speeds["fleet"] / speeds["hand"]))
                print(
                    f"pair {number + 1}: by hand {figures['hand']:.2f},"
                    f" by the fleet {figures['fleet']:.2f}, {math.exp(logs[-1]):.4f}",
                    flush=True,
                )
        finally:
            if cluster is not None:
                cluster.close()
    ratio = geometric_mean(np.asarray(logs))
    low, high = ratio.low or 0.0, ratio.high or math.inf
    spread = statistics.stdev(logs) if len(logs) > 1 else math.nan
    print(
        f"{asked.case} on {asked.engine}: speed under the fleet over by hand {ratio.value:.4f}"
        f" ({low:.4f} to {high:.4f}), {len(logs)} pairs, a pair's spread {100 * spread:.2f} %"
    )
    return 3 if high < GOAL else 0


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


def _inverted(latencies: dict[str, float]) -> dict[str, float]:
    return {side: 1 / value for side, value in latencies.items()}


def _by_hand(words: list[str], folder: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "run", *words, "--json", "-q", "--out", str(folder / "r")],
        stdout=subprocess.PIPE,
        env=os.environ | {"R50BENCH_DATA": str(folder / "data")},
        check=True,
    )
    return float(json.loads(done.stdout)[0]["kpis"][0]["value"])


def _by_fleet(words: list[str], cluster, out: Path) -> float:  # type: ignore[no-untyped-def]
    said = cluster.run(
        "fleet", "run", *words, "--address", cluster.gcs, "--out", str(out), "--json", "-q"
    )
    if said.returncode != 0:
        sys.exit(said.stderr)
    return float(json.loads(said.stdout)["standings"][0]["cells"][0]["value"])


if __name__ == "__main__":
    sys.exit(main())
