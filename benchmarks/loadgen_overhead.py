"""What LoadGen and the harness cost: with an engine that takes no time, and beside the real one.

    python benchmarks/loadgen_overhead.py             # fake engine, half a minute
    python benchmarks/loadgen_overhead.py --real      # beside the raw engine, seven minutes or more

With the fake engine: what a sample of Offline costs beside the same batches in a closed loop (the
median of three rounds), the median latency of SingleStream, and the 99th percentile of Server at
1,000 queries/s. The fake engine's own arithmetic is part of the last two.

With --real: Offline's samples/s as a share of the closed loop's before and after it, the median of
seven runs; and SingleStream's p90 over the closed loop's, on one core and on all. There LoadGen's
log thread, which wakes a hundred times a second, has no core of its own. Closed loop and LoadGen
take turns of a second on one warm instance, since clocks drift by more than is to be measured; each
of LoadGen's turns is divided by the mean of the loop's before it and after it. They go on until the
95 % interval of their median is narrow, or until the machine has proved too restless for that.

Exits with 3 where a goal is missed. OPEN is a miss that lies within the noise; it exits with 3 too.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from r50bench.assets.store import default_store
from r50bench.host.topology import read_host
from r50bench.load import LoadgenSettings
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.bring_up import start_instant_ns, warm_pool
from r50bench.measure.inputs import gather
from r50bench.measure.loads.loadgen.conf_files import USER_CONF, user_conf
from r50bench.measure.pool import Pool
from r50bench.measure.protocol import LoadgenRan, Measure, Measured, RunLoadgen, Watched
from r50bench.measure.record_draft import RecordDraft, lost_cpu_share
from r50bench.mlperf.plan import plan_mlperf
from r50bench.mlperf.run.loadgen_run import cpus_for_loadgen, run_mlperf
from r50bench.mlperf.run.logs import read_detail
from r50bench.mlperf.run.official_settings import fill_in
from r50bench.notices import Silent, disturbance
from r50bench.parameters import collect
from r50bench.results.record import LoadgenResult
from r50bench.results.stats import Estimate, inflation, percentile

OFFLINE_US_PER_SAMPLE, SINGLE_STREAM_P50_US, SERVER_P99_MS = 1.0, 15.0, 1.0
OFFLINE_SHARE, SINGLE_STREAM_RATIO = 0.98, 1.02
_ROUNDS, _REAL_ROUNDS = 3, 7
_LEAST_TURNS, _MOST_TURNS, _HALF_WIDTH = 60, 200, 0.0075
_TURN_S, _TURN_QUERIES = 1.0, 64  # as few queries as LoadGen's early stopping takes


@dataclass(frozen=True)
class Goal:
    """One figure and the most, or the least, that it may be."""

    name: str
    figure: Estimate
    most: float = math.inf
    least: float = -math.inf

    @property
    def met(self) -> bool:
        """Whether the figure is where it must be."""
        return self.least <= self.figure.value <= self.most

    def __str__(self) -> str:
        low, high = ends(self.figure)
        within_noise = low <= self.most and high >= self.least and high - low < math.inf
        verdict = "ok  " if self.met else "OPEN" if within_noise else "MISS"
        interval = f" [{low:.4g}, {high:.4g}]" if high - low < math.inf else ""
        goal = f"≤ {self.most}" if self.most < math.inf else f"≥ {self.least}"
        return f"{verdict} {self.name}: {self.figure.value:.4g}{interval} (goal {goal})"


def ends(figure: Estimate) -> tuple[float, float]:
    """Returns those of the 95 % interval, infinite where unknown."""
    return (
        -math.inf if figure.low is None else figure.low,
        math.inf if figure.high is None else figure.high,
    )


def main() -> None:
    """Measures and prints; exits with 3 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--real", action="store_true", help="beside the real engine")
    parser.add_argument("--precision", default="int8", help="of the real engine")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        met = []
        for goal in real_goals(out, arguments.precision) if arguments.real else fake_goals(out):
            print(goal, flush=True)
            met.append(goal.met)
    sys.exit(0 if all(met) else 3)


def fake_goals(out: Path) -> Iterator[Goal]:
    """Yields the figures with the fake engine."""
    weights = out / "weights.npz"
    np.savez(weights, none=np.zeros(1))
    sets = ["ENGINE=fake", f"WEIGHTS={weights}", "CUSTOMER_ENV=FAKE_LATENCIES_NS=0 FAKE_ANSWERS=7"]
    cost = statistics.median(offline_cost_us(out, [*sets, "BATCH_SIZE=16"]) for _ in range(_ROUNDS))
    yield Goal("Offline, µs a sample", Estimate(cost), most=OFFLINE_US_PER_SAMPLE)
    stream = run(out, "SingleStream", sets, 2.0)
    p50 = Estimate(stream.percentiles_ns["50.00"] / 1e3)
    yield Goal("SingleStream p50, µs", p50, most=SINGLE_STREAM_P50_US)
    server = run(out, "Server", sets, 5.0, target_qps=1000.0)
    p99 = Estimate(server.percentiles_ns["99.00"] / 1e6)
    yield Goal("Server p99 at 1,000/s, ms", p99, most=SERVER_P99_MS)


def offline_cost_us(out: Path, sets: list[str]) -> float:
    """Returns what a sample of Offline takes longer than in the closed loop, in µs."""
    offline = run(out, "Offline", sets, 1.0)
    assert offline.score is not None
    assert offline.raw_throughput is not None
    return 1e6 / offline.score - 1e6 / offline.raw_throughput


def real_goals(out: Path, precision: str) -> Iterator[Goal]:
    """Yields the figures beside the real engine."""
    sets = [f"PRECISION={precision}", "WEIGHTS=v1"]
    shares = [1 - overhead(run(out, "Offline", sets, 8.0)) for _ in range(_REAL_ROUNDS)]
    yield Goal("Offline, share of raw", percentile(np.asarray(shares), 50.0), least=OFFLINE_SHARE)
    for layout, cores in {"one core": ["CORES_PER_INSTANCE=1"], "all cores": []}.items():
        ratio = single_stream_ratio(out / layout, [*sets, *cores])
        yield Goal(f"SingleStream p90 on {layout}, over raw", ratio, most=SINGLE_STREAM_RATIO)


def median_of_turns(ratios: Sequence[float]) -> Estimate:
    """Returns the median, its interval widened by what neighbours in time have in common."""
    series = np.asarray(ratios)
    return percentile(series, 50.0, inflation([series]))


def single_stream_ratio(folder: Path, sets: list[str]) -> Estimate:
    """Returns LoadGen's p90 over the closed loop's, the median of turns on one warm instance."""
    asked = LoadgenSettings(
        scenario="SingleStream",
        mode="PerformanceOnly",
        duration_s=_TURN_S,
        query_count=_TURN_QUERIES,
    )
    bench = _bench_in(folder)
    planned = plan_mlperf(asked, collect({}, sets, {}), bench.host)
    pictures = bench.assets.pictures(planned.case)
    assert pictures is not None
    settings = fill_in(asked, len(pictures.labels))
    inputs = gather(planned.case, bench, planned.load)
    draft = RecordDraft(planned, bench, inputs)
    folder.mkdir()
    with warm_pool(planned, bench, inputs, draft, folder) as pool:
        turns = Turns(pool, folder, settings, cpus_for_loadgen(planned.placement, bench.host))
        ratio = turns.ratio()
    if notice := disturbance(lost_cpu_share(turns.answers)):
        print(f"!    {notice}", file=sys.stderr)
    return ratio


def _bench_in(out: Path) -> Bench:
    return Bench(read_host(), AssetResolver(default_store(), Silent()), out, Silent())


def _enough(ratios: Sequence[float]) -> bool:
    if len(ratios) < _LEAST_TURNS:
        return False
    low, high = ends(median_of_turns(ratios))
    return high - low <= 2 * _HALF_WIDTH or len(ratios) >= _MOST_TURNS


class Turns:
    """Closed loop and LoadGen in turn on the one instance of a warm pool."""

    def __init__(
        self, pool: Pool, folder: Path, settings: LoadgenSettings, cpus: tuple[int, ...]
    ) -> None:
        self._pool = pool
        self._folder = folder
        self._settings = settings
        self._cpus = cpus
        self.answers: list[Sequence[Watched]] = []

    def ratio(self) -> Estimate:
        """Returns the p90 of LoadGen's turns over the mean of the loop's around each."""
        ratios: list[float] = []
        before = self._closed_loop()
        while not _enough(ratios):
            loadgen = self._loadgen(self._folder / str(len(ratios)), before)
            after = self._closed_loop()
            ratios.append(2 * loadgen / (before + after))
            before = after
        return median_of_turns(ratios)

    def _closed_loop(self) -> float:
        """Returns the 90th percentile in ns."""
        begin = start_instant_ns()
        answers = self._pool.ask(Measure(begin, begin + round(_TURN_S * 1e9)), Measured)
        self.answers.append(answers)
        (timing,) = answers[0].timings
        return float(np.percentile(np.subtract(timing.ends_ns, timing.starts_ns), 90))

    def _loadgen(self, folder: Path, raw_ns: float) -> float:
        """Returns the 90th percentile in ns of one test, whose logs go to ``folder``."""
        settings = replace(self._settings, target_latency_ms=raw_ns / 2e6)  # queries enough
        folder.mkdir()
        (folder / USER_CONF).write_text(user_conf(settings))
        self.answers.append(
            self._pool.ask(RunLoadgen(settings, str(folder), self._cpus), LoadgenRan)
        )
        detail = read_detail(folder)
        if detail.verdict != "VALID" or detail.errors:
            raise SystemExit(f"a turn is {detail.verdict}: {detail.reason} {detail.errors}")
        return detail.percentiles_ns(per_query=False)["90.00"]


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
    bench = _bench_in(out)
    planned = plan_mlperf(settings, collect({}, sets, {}), bench.host)
    outcome = run_mlperf(planned, bench)
    if outcome.record.loadgen is None:
        raise SystemExit(f"{scenario}: {outcome.record.reason}")
    return outcome.record.loadgen


if __name__ == "__main__":
    main()
