"""How often does ``r50bench compare`` tell of a difference between runs of one and the same case?

    python benchmarks/compare_aa.py                       # 40 runs of int8 on torch: half an hour
    python benchmarks/compare_aa.py --kept runs.json      # adds to what an earlier call kept
    python benchmarks/compare_aa.py --kept runs.json --runs 0     # judges what was kept

So many runs, one after the other, each by fresh processes; then random pairs of them are compared,
single runs (whose spread the other runs tell, as a history does) and five against five. The goal:
"faster" or "slower" in at most 5 of 100 comparisons; exits with 3 where it is missed. Also printed:
the spread between runs, what share of it the runs themselves show, in how many the interval of a
single run holds the mean of all, and how many pairs of runs have intervals that do not meet, by
which people go who compare two figures with the naked eye.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from r50bench.case import CaseName
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


def main() -> None:
    """Measures, judges and prints; exits with 3 where the goal is missed."""
    asked = _arguments()
    runs = _earlier(asked.kept) + _measured(asked)
    if asked.kept is not None:
        asked.kept.write_text(json.dumps(runs_as_data(runs)))
    if len(runs) < 12:
        sys.exit(f"{len(runs)} runs are too few: five against five needs twelve")
    _describe(runs)
    chance = random.Random(15)
    pairs = _false_share([chance.sample(runs, 2) for _ in range(COMPARISONS)], runs, 1)
    fives = _false_share([chance.sample(runs, 10) for _ in range(COMPARISONS)], runs, 5)
    print(f"told apart: single runs {100 * pairs:.1f} %, five against five {100 * fives:.1f} %")
    sys.exit(3 if max(pairs, fives) > GOAL else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="inference_throughput_int8")
    parser.add_argument("--engine", default="torch")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--kept", type=Path, help="a file that keeps the runs")
    return parser.parse_args()


def _earlier(kept: Path | None) -> list[MeasuredRun]:
    return read_runs_file(kept) if kept is not None and kept.exists() else []


def _measured(asked: argparse.Namespace) -> list[MeasuredRun]:
    sets = [f"ENGINE={asked.engine}", f"WEIGHTS={asked.weights}", f"STEPS={asked.steps}"]
    sets += ["BATCH_SIZE=8", "CORES_PER_INSTANCE=1", "INSTANCES=1"]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        bench = bench_here(read_host(), Path(folder), Silent())
        settings = collect({}, sets, {})
        planned = plan_named([CaseName.parse(asked.case)], settings, bench.host, tuned=False)
        for result in run_processes(planned, bench, asked.runs):
            if result.error is not None or result.outcome is None:
                sys.exit(f"a run failed: {result.error}")
            found.append(MeasuredRun(result.outcome.record, result.outcome.block.kpis))
            print(f"{len(found):3}  {found[-1].primary.value:.2f}", flush=True)
    return found


def _describe(runs: Sequence[MeasuredRun]) -> None:
    figures = [run.primary for run in runs]
    whole = process_figures(figures)
    held = sum(
        one.low is not None and one.high is not None and one.low <= whole.estimate.value <= one.high
        for one in figures
    )
    ends = [(one.low or 0.0, one.high or 0.0) for one in figures]
    apart = [a[1] < b[0] or b[1] < a[0] for a, b in itertools.combinations(ends, 2)]
    between = "unknown" if whole.between is None else f"{100 * whole.between:.0f} %"
    print(
        f"{len(runs)} runs: mean {whole.estimate.value:.2f} {whole.unit}, spread"
        f" {100 * (whole.spread or 0):.2f} %, of which not seen within a run: {between}\n"
        f"the interval of a single run holds the mean of all in {held} of {len(runs)};"
        f" {100 * float(np.mean(apart)):.0f} % of pairs have intervals that do not meet"
    )


def _false_share(
    chosen: Sequence[Sequence[MeasuredRun]], runs: Sequence[MeasuredRun], size: int
) -> float:
    wrong = 0
    for some in chosen:
        base, new = side_of("a", some[:size]), side_of("b", some[size:])
        spread = _spread_of_others(some, runs)
        (case,) = compare_sides(base, new, known=lambda _, spread=spread: spread).cases
        wrong += case.verdict in ("faster", "slower")
    return wrong / len(chosen)


def _spread_of_others(some: Sequence[MeasuredRun], runs: Sequence[MeasuredRun]) -> Between:
    """Returns what a history of all other runs would tell, as :mod:`.between` reckons it."""
    left_out = {run.record.id for run in some}
    logs = np.log([run.primary.value for run in runs if run.record.id not in left_out])
    steps = np.diff(logs)
    count = len(steps)
    return Between(float(np.mean(steps**2)) / 2, 2 * count**2 / (3 * count - 1))


if __name__ == "__main__":
    main()
