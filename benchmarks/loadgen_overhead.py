"""What LoadGen and the harness cost: with an engine that takes no time, and beside the real one.

    python benchmarks/loadgen_overhead.py             # fake engine, half a minute
    python benchmarks/loadgen_overhead.py --real      # beside the raw engine, several minutes

With the fake engine: what a sample of Offline costs beside the same batches in a closed loop (the
median of three rounds), the median latency of SingleStream, and the 99th percentile of Server at
1,000 queries/s. The fake engine's own arithmetic is part of the last two. With --real, the medians
of seven rounds, each with its own closed loop before LoadGen and after: Offline's samples/s as a
share of the closed loop's, and SingleStream's p90 over the closed loop's, on one core and on all.
There LoadGen's log thread, which wakes a hundred times a second, has no core of its own. Exits with
3 where a goal is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from r50bench.assets.store import default_store
from r50bench.campaign.mlperf import plan_mlperf, run_mlperf
from r50bench.host.topology import read_host
from r50bench.loadgen_settings import LoadgenSettings
from r50bench.parameters import collect
from r50bench.progress import Silent
from r50bench.results.record import LoadgenResult

OFFLINE_US_PER_SAMPLE, SINGLE_STREAM_P50_US, SERVER_P99_MS = 1.0, 15.0, 1.0
OFFLINE_SHARE, SINGLE_STREAM_RATIO = 0.98, 1.02
_ROUNDS, _REAL_ROUNDS = 3, 7


@dataclass(frozen=True)
class Goal:
    """One figure, what it must be, and whether it is."""

    name: str
    value: float
    goal: str
    met: bool


def main() -> None:
    """Measures and prints; exits with 3 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--real", action="store_true", help="beside the real engine")
    parser.add_argument("--precision", default="int8", help="of the real engine")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        goals = list(real_goals(out, arguments.precision) if arguments.real else fake_goals(out))
    for goal in goals:
        print(f"{'ok  ' if goal.met else 'MISS'} {goal.name}: {goal.value:.4g} (goal {goal.goal})")
    sys.exit(0 if all(goal.met for goal in goals) else 3)


def fake_goals(out: Path) -> Iterator[Goal]:
    """Yields the figures with the fake engine."""
    weights = out / "weights.npz"
    np.savez(weights, none=np.zeros(1))
    sets = ["ENGINE=fake", f"WEIGHTS={weights}", "CUSTOMER_ENV=FAKE_LATENCIES_NS=0 FAKE_ANSWERS=7"]
    cost = statistics.median(offline_cost_us(out, [*sets, "BATCH_SIZE=16"]) for _ in range(_ROUNDS))
    yield Goal(
        "Offline, µs a sample", cost, f"≤ {OFFLINE_US_PER_SAMPLE}", cost <= OFFLINE_US_PER_SAMPLE
    )
    stream = run(out, "SingleStream", sets, 2.0)
    p50 = stream.percentiles_ns["50.00"] / 1e3
    yield Goal(
        "SingleStream p50, µs", p50, f"≤ {SINGLE_STREAM_P50_US}", p50 <= SINGLE_STREAM_P50_US
    )
    server = run(out, "Server", sets, 5.0, target_qps=1000.0)
    p99 = server.percentiles_ns["99.00"] / 1e6
    yield Goal("Server p99 at 1,000/s, ms", p99, f"≤ {SERVER_P99_MS}", p99 <= SERVER_P99_MS)


def offline_cost_us(out: Path, sets: list[str]) -> float:
    """Returns what a sample of Offline takes longer than in the closed loop, in µs."""
    offline = run(out, "Offline", sets, 1.0)
    assert offline.score is not None
    assert offline.raw_throughput is not None
    return 1e6 / offline.score - 1e6 / offline.raw_throughput


def real_goals(out: Path, precision: str) -> Iterator[Goal]:
    """Yields the figures beside the real engine, the median of several rounds."""
    sets = [f"PRECISION={precision}", "WEIGHTS=v1"]
    of_layout = {"one core": [*sets, "CORES_PER_INSTANCE=1"], "all cores": sets}
    shares: list[float] = []
    ratios: dict[str, list[float]] = {layout: [] for layout in of_layout}
    for _ in range(_REAL_ROUNDS):
        shares.append(1 - overhead(run(out, "Offline", sets, 8.0)))
        for layout, settings in of_layout.items():
            ratios[layout].append(1 + overhead(run(out, "SingleStream", settings, 8.0)))
    share = statistics.median(shares)
    yield Goal("Offline, share of raw", share, f"≥ {OFFLINE_SHARE}", share >= OFFLINE_SHARE)
    for layout, measured in ratios.items():
        ratio = statistics.median(measured)
        yield Goal(
            f"SingleStream p90 on {layout}, over raw",
            ratio,
            f"≤ {SINGLE_STREAM_RATIO}",
            ratio <= SINGLE_STREAM_RATIO,
        )


def overhead(result: LoadgenResult) -> float:
    """Returns the share of time that LoadGen and the harness took."""
    assert result.overhead is not None
    return result.overhead


def run(
    out: Path, scenario: str, sets: list[str], duration_s: float, target_qps: float | None = None
) -> LoadgenResult:
    """Runs one scenario on the 20 pictures of the sample and returns LoadGen's result."""
    settings = LoadgenSettings(
        scenario=scenario, mode="PerformanceOnly", duration_s=duration_s, target_qps=target_qps
    )
    host = read_host()
    planned = plan_mlperf(settings, collect({}, sets, {}), host)
    outcome = run_mlperf(planned, host, default_store(), out, Silent(), lambda *_: None)
    if outcome.record.loadgen is None:
        raise SystemExit(f"{scenario}: {outcome.record.reason}")
    return outcome.record.loadgen


if __name__ == "__main__":
    main()
