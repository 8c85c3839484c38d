"""Does ``r50bench ab`` find a slowdown whose size is known, and how often does it find one in vain?

    python benchmarks/compare_ab.py                              # int8 on torch: some 40 minutes
    python benchmarks/compare_ab.py --engine onnxruntime --times 5 --budget 30

So many times: once against an engine that idles for 3 % of each batch, and once against itself.
The goals: the slowdown found in 90 of 100 contests of 60 s at most, its true size within the
interval in 93 of 100, and something found in vain in 5 of 100. With few contests the shares are
rough: their own 95 % intervals (Clopper and Pearson) are printed, and a goal counts as missed only
where that leaves it out. Exits with 3 then.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binomtest

from r50bench.case import CaseName
from r50bench.comparison.ab import Contest, run_ab
from r50bench.comparison.compare import CaseComparison
from r50bench.comparison.verdict import DEFAULT_TOLERANCE
from r50bench.host.topology import read_host
from r50bench.measure.bench import Bench, bench_here
from r50bench.notices import Silent
from r50bench.parameters import collect
from r50bench.planning.planned import Planned, plan_named

IDLING = Path(__file__).parent / "idling"


@dataclass(frozen=True)
class Goal:
    """How often something happened, and whether it should happen more or less often."""

    what: str
    count: int
    of: int
    bound: float
    at_least: bool

    def missed(self) -> bool:
        interval = binomtest(self.count, self.of).proportion_ci()
        return interval.high < self.bound if self.at_least else interval.low > self.bound

    def line(self) -> str:
        interval = binomtest(self.count, self.of).proportion_ci()
        word = "at least" if self.at_least else "at most"
        return (
            f"{self.what}: {self.count} of {self.of}"
            f" ({100 * interval.low:.0f} to {100 * interval.high:.0f} %),"
            f" goal {word} {100 * self.bound:.0f} %{'  MISSED' if self.missed() else ''}"
        )


def main() -> None:
    """Measures and prints; exits with 3 where a goal is missed."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        bench = bench_here(read_host(), Path(folder), Silent())
        slowed, alike = [], []
        for number in range(asked.times):
            slowed.append(_contest(asked, bench, asked.idle))
            alike.append(_contest(asked, bench, 0.0))
            print(f"{number + 1:3}  {_line(slowed[-1])}  |  {_line(alike[-1])}", flush=True)
    goals = _goals(slowed, alike, 1 / (1 + asked.idle))
    print(*(goal.line() for goal in goals), sep="\n")
    sys.exit(3 if any(goal.missed() for goal in goals) else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="inference_throughput_int8")
    parser.add_argument("--engine", default="torch")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--idle", type=float, default=0.03, help="share of each batch")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of each contest")
    return parser.parse_args()


def _contest(asked: argparse.Namespace, bench: Bench, idle: float) -> tuple[CaseComparison, float]:
    """Returns what a contest came to, and how long it took."""
    sides = (_planned(asked, bench, 0.0), _planned(asked, bench, idle))
    began = time.monotonic()
    contest = Contest(*sides, ("as it is", "idling"), DEFAULT_TOLERANCE, asked.budget)
    (case,) = run_ab(contest, bench).comparison.cases
    return case, time.monotonic() - began


def _planned(asked: argparse.Namespace, bench: Bench, idle: float) -> Planned:
    sets = [f"ENGINE={asked.engine}", f"WEIGHTS={asked.weights}"]
    # Both sides carry the wrapper, so that it is the idling alone that differs.
    sets.append(f"CUSTOMER_ENV=PYTHONPATH={IDLING} R50_IDLE_SHARE={idle}")
    (planned,) = plan_named(
        [CaseName.parse(asked.case)], collect({}, sets, {}), bench.host, tuned=False
    )
    return planned


def _goals(
    slowed: list[tuple[CaseComparison, float]],
    alike: list[tuple[CaseComparison, float]],
    true: float,
) -> list[Goal]:
    found = sum(case.verdict == "slower" for case, _ in slowed)
    held = sum(_holds(case, true) for case, _ in slowed) + sum(_holds(case, 1) for case, _ in alike)
    in_vain = sum(case.verdict in ("faster", "slower") for case, _ in alike)
    return [
        Goal("slowdown found", found, len(slowed), 0.90, at_least=True),
        Goal("true size within the interval", held, len(slowed) + len(alike), 0.93, at_least=True),
        Goal("found in vain", in_vain, len(alike), 0.05, at_least=False),
    ]


def _holds(case: CaseComparison, true: float) -> bool:
    low, high = case.ratio.low, case.ratio.high
    return low is not None and high is not None and low <= true <= high


def _line(contest: tuple[CaseComparison, float]) -> str:
    case, seconds = contest
    low, high = case.ratio.low or 0.0, case.ratio.high or 0.0
    return (
        f"{case.ratio.value:.4f} ({low:.4f} to {high:.4f}) {case.verdict:9}"
        f" {case.processes[0]} pairs {seconds:3.0f} s"
    )


if __name__ == "__main__":
    main()
