"""What LoadGen and the harness cost: with an engine that takes no time, and beside the real one.

    python benchmarks/loadgen_overhead.py             # fake engine, half a minute
    python benchmarks/loadgen_overhead.py --real      # beside the raw engine, several minutes

With the fake engine: what a sample of Offline costs beside the same batches in a closed loop (the
median of three rounds), the median latency of SingleStream, and the 99th percentile of Server at
1,000 queries/s. The fake engine's own arithmetic is part of the last two.

With --real: Offline's samples/s as a share of the closed loop's before and after it, the median of
seven runs; and SingleStream's p90 over the closed loop's, on one core and on all. There LoadGen's
log thread, which wakes a hundred times a second, has no core of its own. Closed loop and LoadGen
take turns of two seconds on one warm instance, since clocks drift by more than is to be measured;
each of LoadGen's turns is divided by the mean of the loop's before it and after it.

Exits with 3 where a goal is missed.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from r50bench.assets.store import default_store
from r50bench.campaign.mlperf import plan_mlperf, run_mlperf
from r50bench.host.topology import read_host
from r50bench.loadgen_settings import LoadgenSettings
from r50bench.measure.answers import lost_cpu_share
from r50bench.measure.draft import Draft
from r50bench.measure.ingredients import gather
from r50bench.measure.loadgen.conf_files import USER_CONF, user_conf
from r50bench.measure.loadgen.logs import read_detail
from r50bench.measure.loadgen.rules import fill_in
from r50bench.measure.loadgen.session import cpus_for_loadgen
from r50bench.measure.pool import Pool
from r50bench.measure.protocol import LoadgenRan, Measure, Measured, RunLoadgen, Watched
from r50bench.measure.provisions import Provisions
from r50bench.measure.warm_pool import soon, warm_pool
from r50bench.parameters import collect
from r50bench.progress import Silent
from r50bench.results.disturbance import disturbance
from r50bench.results.record import LoadgenResult

OFFLINE_US_PER_SAMPLE, SINGLE_STREAM_P50_US, SERVER_P99_MS = 1.0, 15.0, 1.0
OFFLINE_SHARE, SINGLE_STREAM_RATIO = 0.98, 1.02
_ROUNDS, _REAL_ROUNDS = 3, 7
_TURNS, _TURN_S, _TURN_QUERIES = 30, 2.0, 64  # as few queries as LoadGen's early stopping takes


@dataclass(frozen=True)
class Goal:
    """One figure, what it must be, and whether it is; its quartiles where it is a median."""

    name: str
    value: float
    goal: str
    met: bool
    quartiles: str = ""


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
        verdict = "ok  " if goal.met else "MISS"
        print(f"{verdict} {goal.name}: {goal.value:.4g}{goal.quartiles} (goal {goal.goal})")
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
    """Yields the figures beside the real engine."""
    sets = [f"PRECISION={precision}", "WEIGHTS=v1"]
    shares = [1 - overhead(run(out, "Offline", sets, 8.0)) for _ in range(_REAL_ROUNDS)]
    share = statistics.median(shares)
    met = share >= OFFLINE_SHARE
    yield Goal("Offline, share of raw", share, f"≥ {OFFLINE_SHARE}", met, quartiles(shares))
    for layout, cores in {"one core": ["CORES_PER_INSTANCE=1"], "all cores": []}.items():
        ratios = single_stream_ratios(out / layout, [*sets, *cores])
        ratio = statistics.median(ratios)
        name = f"SingleStream p90 on {layout}, over raw"
        met = ratio <= SINGLE_STREAM_RATIO
        yield Goal(name, ratio, f"≤ {SINGLE_STREAM_RATIO}", met, quartiles(ratios))


def quartiles(values: Sequence[float]) -> str:
    """Returns the lower and the upper one, in brackets."""
    low, _, high = statistics.quantiles(values, n=4)
    return f" [{low:.4g}, {high:.4g}]"


def single_stream_ratios(folder: Path, sets: list[str]) -> list[float]:
    """Returns LoadGen's p90 over the closed loop's, turn by turn, on one warm instance."""
    asked = LoadgenSettings(
        scenario="SingleStream",
        mode="PerformanceOnly",
        duration_s=_TURN_S,
        query_count=_TURN_QUERIES,
    )
    host, silent = read_host(), Silent()
    planned = plan_mlperf(asked, collect({}, sets, {}), host)
    provisions = Provisions(default_store(), silent)
    pictures = provisions.pictures(planned.case)
    assert pictures is not None
    settings = fill_in(asked, len(pictures.labels))
    ingredients = gather(
        planned.case,
        host,
        provisions,
        silent,
        beside_python=True,
        most_pictures=settings.buffer_size,
    )
    draft = Draft(planned.planned, host, ingredients, planned.name, ())
    folder.mkdir()
    with warm_pool(planned.planned, host, ingredients, draft, folder, silent) as pool:
        turns = Turns(pool, folder, settings, cpus_for_loadgen(planned.planned.placement, host))
        ratios = turns.ratios()
    if sentence := disturbance(lost_cpu_share(turns.answers)):
        print(f"!    {sentence}", file=sys.stderr)
    return ratios


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

    def ratios(self) -> list[float]:
        """Returns the p90 of each of LoadGen's turns over the mean of the loop's around it."""
        raw, loadgen = [self._closed_loop()], []
        for turn in range(_TURNS):
            loadgen.append(self._loadgen(self._folder / str(turn), raw[0]))
            raw.append(self._closed_loop())
        around = ((before + after) / 2 for before, after in itertools.pairwise(raw))
        return [one / two for one, two in zip(loadgen, around, strict=True)]

    def _closed_loop(self) -> float:
        """Returns the 90th percentile in ns."""
        begin = soon()
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
    host = read_host()
    planned = plan_mlperf(settings, collect({}, sets, {}), host)
    outcome = run_mlperf(planned, host, default_store(), out, Silent(), lambda *_: None)
    if outcome.record.loadgen is None:
        raise SystemExit(f"{scenario}: {outcome.record.reason}")
    return outcome.record.loadgen


if __name__ == "__main__":
    main()
