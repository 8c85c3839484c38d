"""How often does ``r50bench compare`` tell of a difference between runs of one and the same case?

    python benchmarks/compare_aa.py                       # 40 runs of int8 on torch: half an hour
    python benchmarks/compare_aa.py --kept runs.json      # adds to what an earlier call kept
    python benchmarks/compare_aa.py --kept runs.json --runs 0 --simulate 5000

So many runs, one after the other, each by fresh processes, for --minutes at most; then random pairs
of them are compared, single runs (whose spread the other runs tell, as a history does) and five
against five, and each five with the five that follow. The goal: "faster" or "slower" in at most 5
of 100 comparisons; exits with 3 where it is missed. Also printed: the spread between runs, what
share of it the runs themselves show, in how many the interval of a single run holds the mean of
all, and how many pairs of runs have intervals that do not meet, by which people go who compare two
figures with the naked eye.

Forty runs are few, and comparisons drawn from them resemble each other. --simulate N makes
processes without end that scatter as these runs did (see :mod:`simulated_runs`), and has the same
code judge N comparisons of each kind.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from simulated_runs import Scatter

from r50bench.case import CaseName
from r50bench.comparison.between import spread_of
from r50bench.comparison.compare import compare_sides
from r50bench.comparison.side import MeasuredRun, read_runs_file, runs_as_data, side_of
from r50bench.comparison.verdict import Between
from r50bench.host.topology import read_host
from r50bench.measure.bench import bench_here
from r50bench.measure.processes import run_processes
from r50bench.notices import Silent
from r50bench.parameters import collect
from r50bench.planning.planned import plan_named
from r50bench.results.processes import process_figures

COMPARISONS = 1000
GOAL = 0.05
SLOWDOWN = 0.03
HISTORY = 20
"""Runs of which a simulated single comparison knows the spread."""

Runs = Sequence[MeasuredRun]


def main() -> None:
    """Measures, judges and prints; exits with 3 where the goal is missed."""
    asked = _arguments()
    runs = _earlier(asked.kept)
    for run in _measured(asked):
        runs.append(run)
        if asked.kept is not None:  # at once: an interruption loses nothing
            asked.kept.write_text(json.dumps(runs_as_data(runs)))
    if len(runs) < 12:
        sys.exit(f"{len(runs)} runs are too few: five against five needs twelve")
    _describe(runs)
    false = _judge_measured(runs)
    if asked.simulate:
        false = max(false, _judge_simulated(Scatter.of(runs), asked.simulate))
    sys.exit(3 if false > GOAL else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="inference_throughput_int8")
    parser.add_argument("--engine", default="torch")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--batch", type=int, default=8, help="images a batch")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no run that ends later")
    parser.add_argument("--kept", type=Path, help="a file that keeps the runs")
    parser.add_argument("--simulate", type=int, default=0, metavar="N", help="comparisons of each")
    return parser.parse_args()


def _earlier(kept: Path | None) -> list[MeasuredRun]:
    return read_runs_file(kept) if kept is not None and kept.exists() else []


def _measured(asked: argparse.Namespace) -> Iterator[MeasuredRun]:
    sets = [f"ENGINE={asked.engine}", f"WEIGHTS={asked.weights}", f"STEPS={asked.steps}"]
    sets += [f"BATCH_SIZE={asked.batch}", "CORES_PER_INSTANCE=1", "INSTANCES=1"]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bench = bench_here(read_host(), Path(folder), Silent())
        settings = collect({}, sets, {})
        planned = plan_named([CaseName.parse(asked.case)], settings, bench.host, tuned=False)
        results = run_processes(planned, bench, asked.runs, budget_s=60 * asked.minutes)
        for number, result in enumerate(results, start=1):
            if result.error is not None or result.outcome is None:
                sys.exit(f"a run failed: {result.error}")
            run = MeasuredRun(result.outcome.record, result.outcome.block.kpis)
            spent = time.monotonic() - began
            print(
                f"{number:3} of {asked.runs}  {run.primary.value:8.2f}  {spent:5.0f} s,"
                f" about {spent / number * (asked.runs - number):.0f} s left",
                flush=True,
            )
            yield run


def _describe(runs: Runs) -> None:
    figures = [run.primary for run in runs]
    whole = process_figures(figures)
    held = sum(_holds(run, whole.estimate.value) for run in runs)
    ends = [(one.low or 0.0, one.high or 0.0) for one in figures]
    apart = [a[1] < b[0] or b[1] < a[0] for a, b in itertools.combinations(ends, 2)]
    between = "unknown" if whole.between is None else f"{100 * whole.between:.0f} %"
    print(
        f"{len(runs)} runs: mean {whole.estimate.value:.2f} {whole.unit}, spread"
        f" {100 * (whole.spread or 0):.2f} %, of which not seen within a run: {between}\n"
        f"the interval of a single run holds the mean of all in {held} of {len(runs)};"
        f" {100 * float(np.mean(apart)):.0f} % of pairs have intervals that do not meet"
    )


def _holds(run: MeasuredRun, mean: float) -> bool:
    low, high = run.primary.low, run.primary.high
    return low is not None and high is not None and low <= mean <= high


def _judge_measured(runs: Runs) -> float:
    """Prints how often runs that were measured are told apart; returns the worse share."""
    chance = random.Random(15)
    pairs = _told_apart(
        ((some[:1], some[1:]) for some in _draws(chance, runs, 2)), lambda some: _others(some, runs)
    )
    fives = _told_apart((some[:5], some[5:]) for some in _draws(chance, runs, 10))
    following = [(runs[at : at + 5], runs[at + 5 : at + 10]) for at in range(0, len(runs) - 9, 5)]
    print(
        f"measured, told apart: single runs {100 * pairs:.1f} %, five against five"
        f" {100 * fives:.1f} % of {COMPARISONS} random draws; each five against the next five"
        f" {_told_apart(following) * len(following):.0f} of {len(following)}"
    )
    return max(pairs, fives)


def _draws(chance: random.Random, runs: Runs, count: int) -> list[list[MeasuredRun]]:
    return [chance.sample(runs, count) for _ in range(COMPARISONS)]


def _judge_simulated(scatter: Scatter, count: int) -> float:
    """Prints the same of processes that scatter as those did; returns the worse share."""
    chance = np.random.default_rng(15)

    def sides(size: int, ratio: float = 1.0) -> list[tuple[Runs, Runs]]:
        draw = scatter.processes
        return [(draw(chance, size), draw(chance, size, ratio)) for _ in range(count)]

    pairs = _told_apart(sides(1), lambda _: _spread(scatter.processes(chance, HISTORY)))
    fives = _told_apart(sides(5))
    found = _told_apart(sides(5, 1 / (1 + SLOWDOWN)))
    held = sum(_holds(run, scatter.mean) for run in scatter.processes(chance, count)) / count
    print(
        f"simulated with that spread, {count} comparisons of each kind, told apart: single runs"
        f" {100 * pairs:.1f} %, five against five {100 * fives:.1f} %;"
        f" {100 * SLOWDOWN:.0f} % slower found by five against five in {100 * found:.0f} %\n"
        f"the interval of a single run holds the true mean in {100 * held:.0f} % of {count}"
    )
    return max(pairs, fives)


def _told_apart(
    sides: Iterable[tuple[Runs, Runs]],
    known: Callable[[Runs], Between | None] = lambda some: None,
) -> float:
    wrong = total = 0
    for one, other in sides:
        base, new = side_of("a", one), side_of("b", other)
        spread = known([*one, *other])
        (case,) = compare_sides(base, new, known=lambda _, spread=spread: spread).cases
        wrong += case.verdict in ("faster", "slower")
        total += 1
    return wrong / total


def _others(some: Runs, runs: Runs) -> Between:
    """Returns what a history of all other runs would tell."""
    left_out = {run.record.id for run in some}
    return _spread([run for run in runs if run.record.id not in left_out])


def _spread(runs: Runs) -> Between:
    """Returns what a history of runs, in the order of time, tells."""
    found = spread_of([[(math.log(run.primary.value), None) for run in runs]])
    assert found is not None
    return found


if __name__ == "__main__":
    main()
