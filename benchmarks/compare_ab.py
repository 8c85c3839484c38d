"""Does ``r50bench ab`` find a slowdown whose size is known, and how often does it find one in vain?

    python benchmarks/compare_ab.py                              # int8 on torch: some 40 minutes
    python benchmarks/compare_ab.py --engine onnxruntime --times 5 --budget 30
    python benchmarks/compare_ab.py --kept pairs.json --times 0 --simulate 2000

So many times, for --minutes at most: once against an engine that idles for 3 % of each batch, and
once against itself. The goals: the slowdown found in 90 of 100 contests of 60 s at most, its true
size within the interval in 93 of 100, and something found in vain in 5 of 100. With few contests
the shares are rough: their own 95 % intervals (Clopper and Pearson) are printed, and a goal counts
as missed only where that leaves it out. Exits with 3 then.

--simulate N judges N contests of either kind by the same code, whose pairs scatter as those that
were measured, of as many pairs as the budget has room for at the speed of the measured ones.
--spread and --pair-seconds ask the same of a machine that is calmer or quicker than this one.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
from scipy.stats import binomtest

from r50bench.case import CaseName
from r50bench.comparison.ab import Contest, run_ab
from r50bench.comparison.sequential import FIRST_LOOK, Looks
from r50bench.comparison.verdict import DEFAULT_TOLERANCE, Verdict
from r50bench.host.topology import read_host
from r50bench.measure.bench import Bench, bench_here
from r50bench.notices import Silent
from r50bench.parameters import collect
from r50bench.planning.planned import Planned, plan_named
from r50bench.results.stats import Floats

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


@dataclass(frozen=True)
class Fought:
    """What a contest against an engine that idles for the share ``idle`` came to.

    ``logs`` are the logarithms of new over base by pair; ``seconds`` is what all took.
    """

    idle: float
    logs: tuple[float, ...]
    ratio: float
    low: float
    high: float
    verdict: Verdict
    seconds: float


def main() -> None:
    """Measures and prints; exits with 3 where a goal is missed."""
    asked = _arguments()
    contests = _earlier(asked.kept)
    for both in _measured(asked):
        contests += both
        if asked.kept is not None:  # at once: an interruption loses nothing
            asked.kept.write_text(json.dumps([asdict(one) for one in contests]))
    missed = bool(contests) and _judge("measured", contests)
    if asked.simulate:
        missed |= _judge("simulated with that spread", _simulated(asked, contests))
    sys.exit(3 if missed else 0)


def _measured(asked: argparse.Namespace) -> Iterator[list[Fought]]:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bench = bench_here(read_host(), Path(folder), Silent())
        for number in range(asked.times):
            spent = time.monotonic() - began
            if number and spent * (number + 1) / number > 60 * asked.minutes:
                print(f"{number} of {asked.times} contests: the time is up", flush=True)
                break
            both = [_contest(asked, bench, idle) for idle in (asked.idle, 0.0)]
            print(f"{number + 1:3}  {_line(both[0])}  |  {_line(both[1])}", flush=True)
            yield both


def _earlier(kept: Path | None) -> list[Fought]:
    if kept is None or not kept.exists():
        return []
    return [msgspec.convert(one, Fought) for one in json.loads(kept.read_text())]


def _simulated(asked: argparse.Namespace, contests: Sequence[Fought]) -> list[Fought]:
    """Returns contests of as many pairs as the budget has room for."""
    chance = np.random.default_rng(15)
    residuals = _residuals(asked, contests)
    spread = float(np.std(residuals))
    pair_s = asked.pair_seconds or float(
        np.median([one.seconds / len(one.logs) for one in contests])
    )
    room = int(asked.budget / pair_s)
    print(
        f"{len(residuals)} pairs of {pair_s:.1f} s that differ by {100 * spread:.2f} %;"
        f" {asked.budget:.0f} s have room for {room}"
    )
    found = []
    for idle in (asked.idle, 0.0):
        looks = Looks(room, DEFAULT_TOLERANCE, more_is_better=True)
        for _ in range(asked.simulate):
            logs = chance.choice(residuals, looks.most) - math.log1p(idle)
            logs += 0.1 * spread * chance.normal(size=looks.most)  # so that no two are alike
            found.append(_looked(logs, idle, looks, pair_s))
    return found


def _residuals(asked: argparse.Namespace, contests: Sequence[Fought]) -> Floats:
    """Returns by how much the measured pairs differ from their contest's mean, as logarithms.

    With --spread they are scaled to it, or drawn from a normal distribution where none was
    measured.
    """
    measured = [np.array(one.logs) for one in contests if len(one.logs) > 1]
    if not measured and not (asked.spread and asked.pair_seconds):
        sys.exit("no contest has two pairs to tell the spread by: --spread and --pair-seconds do")
    if not measured:
        return np.random.default_rng(16).normal(scale=asked.spread, size=1000)
    found = np.concatenate(
        [(one - np.mean(one)) * math.sqrt(len(one) / (len(one) - 1)) for one in measured]
    )
    return found * (asked.spread / float(np.std(found)) if asked.spread else 1.0)


def _looked(logs: Floats, idle: float, looks: Looks, pair_s: float) -> Fought:
    """Returns the contest whose pairs come to ``logs`` one after the other, as ``ab`` ends it."""
    seen = FIRST_LOOK
    while not looks.is_over(look := looks.look(logs[:seen])):
        seen += 1
    low, high = look.ratio.low or 0.0, look.ratio.high or 0.0
    return Fought(
        idle, tuple(logs[:seen]), look.ratio.value, low, high, look.verdict, seen * pair_s
    )


def _judge(title: str, contests: Sequence[Fought]) -> bool:
    """Prints how often what should happened; returns whether a goal is missed."""
    goals = _goals(contests)
    print(f"{title}:", *(goal.line() for goal in goals), sep="\n  ")
    return any(goal.missed() for goal in goals)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="inference_throughput_int8")
    parser.add_argument("--engine", default="torch")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--idle", type=float, default=0.03, help="share of each batch")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of each contest")
    parser.add_argument("--minutes", type=float, default=60.0, help="begin none that ends later")
    parser.add_argument("--kept", type=Path, help="a file that keeps the contests")
    parser.add_argument(
        "--simulate", type=int, default=0, metavar="N", help="contests of each kind"
    )
    parser.add_argument("--spread", type=float, help="of simulated pairs, such as 0.01")
    parser.add_argument("--pair-seconds", type=float, help="what a simulated pair takes")
    return parser.parse_args()


def _contest(asked: argparse.Namespace, bench: Bench, idle: float) -> Fought:
    sides = (_planned(asked, bench, 0.0), _planned(asked, bench, idle))
    began = time.monotonic()
    contest = Contest(*sides, ("as it is", "idling"), DEFAULT_TOLERANCE, asked.budget)
    (case,) = run_ab(contest, bench).comparison.cases
    logs = tuple(math.log(new / base) for base, new in zip(*case.values, strict=True))
    low, high = case.ratio.low or 0.0, case.ratio.high or 0.0
    seconds = time.monotonic() - began
    return Fought(idle, logs, case.ratio.value, low, high, case.verdict, seconds)


def _planned(asked: argparse.Namespace, bench: Bench, idle: float) -> Planned:
    sets = [f"ENGINE={asked.engine}", f"WEIGHTS={asked.weights}"]
    # Both sides carry the wrapper, so that it is the idling alone that differs.
    sets.append(f"CUSTOMER_ENV=PYTHONPATH={IDLING} R50_IDLE_SHARE={idle}")
    (planned,) = plan_named(
        [CaseName.parse(asked.case)], collect({}, sets, {}), bench.host, tuned=False
    )
    return planned


def _goals(contests: Sequence[Fought]) -> list[Goal]:
    slowed = [one for one in contests if one.idle]
    alike = [one for one in contests if not one.idle]
    found = sum(one.verdict == "slower" for one in slowed)
    held = sum(one.low <= 1 / (1 + one.idle) <= one.high for one in contests)
    in_vain = sum(one.verdict in ("faster", "slower") for one in alike)
    return [
        Goal("slowdown found", found, len(slowed), 0.90, at_least=True),
        Goal("true size within the interval", held, len(contests), 0.93, at_least=True),
        Goal("found in vain", in_vain, len(alike), 0.05, at_least=False),
    ]


def _line(one: Fought) -> str:
    return (
        f"{one.ratio:.4f} ({one.low:.4f} to {one.high:.4f}) {one.verdict:9}"
        f" {len(one.logs)} pairs {one.seconds:3.0f} s"
    )


if __name__ == "__main__":
    main()
