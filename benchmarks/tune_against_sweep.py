"""Does ``r50bench tune`` find what a full sweep finds, in a fraction of its time?

    python benchmarks/tune_against_sweep.py                    # int8, some ten minutes on two cores
    python benchmarks/tune_against_sweep.py --precision fp32
    python benchmarks/tune_against_sweep.py --one-more rounds.json   # in pieces: one round a call

Three times, one after the other: a full sweep of batch sizes and cores per instance, and a search
over the same choices, with a quarter of the sweep's time as its budget. As single sweeps scatter,
what the search found is judged by the median figures of all three: its distance is how much the
best point of the grid exceeds it. Models are compiled beforehand and count for neither; allocator
and weights are left as they are. The goal: within 2 % in at most 25 % of the time, three times out
of three; exits with 3 where it is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from r50bench.assets.store import Store, default_store
from r50bench.case import Case, CaseName
from r50bench.host.topology import Host, read_host
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.inputs import gather
from r50bench.notices import Silent
from r50bench.parameters import Value, collect
from r50bench.parameters.value_lists import read_axes
from r50bench.sweep.folder import SweepFolder
from r50bench.sweep.grid import full_grid
from r50bench.sweep.plan import SweepPlan, plan_sweep
from r50bench.sweep.results import THROUGHPUT
from r50bench.sweep.run import Sweep
from r50bench.tune.objective import Objective
from r50bench.tune.run import Tuned, TuneRequest, tune_case

MARGIN, SHARE = 0.02, 0.25
_TIMES = 3
_BUDGET_SHARE = 0.24  # closing the last sessions takes a little beyond the budget


@dataclass(frozen=True)
class Round:
    """One sweep with its figures by ``batch/cores per instance``, and one search beside it."""

    sweep_s: float
    figures: dict[str, float]
    tune_s: float
    found: str
    confidence: float


def main() -> None:
    """Measures and prints; exits with 3 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--batch-sizes", default="4 16 64", help="a list, or a range as of --set")
    parser.add_argument("--cores", default="1 2", help="cores per instance, likewise")
    parser.add_argument("--steps", default="100", help="of the sweep's points")
    parser.add_argument("--weights", default="v1")
    parser.add_argument(
        "--one-more", type=Path, metavar="FILE", help="measure one round beside those in FILE"
    )
    arguments = parser.parse_args()
    host, store = read_host(), default_store()
    sets = [
        f"BATCH_SIZE={arguments.batch_sizes}",
        f"CORES_PER_INSTANCE={arguments.cores}",
        f"STEPS={arguments.steps}",
        f"WEIGHTS={arguments.weights}",
    ]
    name = CaseName.parse(f"inference_throughput_{arguments.precision}")
    plan = plan_of(name, sets, host)
    compile_models(plan, host, store)
    rounds = kept(arguments.one_more)
    with tempfile.TemporaryDirectory() as folder:
        while len(rounds) < _TIMES:
            out = Path(folder) / str(len(rounds))
            rounds.append(measure(plan, name, sets, host, store, out))
            print(f"round {len(rounds)} of {_TIMES}: {told(rounds[-1])}", flush=True)
            if arguments.one_more is not None:
                arguments.one_more.write_text(json.dumps([asdict(one) for one in rounds]))
                break
    if len(rounds) == _TIMES:
        sys.exit(0 if judged(rounds) else 3)


def kept(file: Path | None) -> list[Round]:
    """Returns the rounds that earlier calls have left in ``file``."""
    if file is None or not file.exists():
        return []
    return [Round(**one) for one in json.loads(file.read_text())]


def plan_of(name: CaseName, sets: Sequence[str], host: Host) -> SweepPlan:
    """Returns the full sweep over ``sets``."""
    requests = []
    for assignment in full_grid(read_axes(sets)):
        settings = collect({}, [f"{key}={text}" for key, text in assignment], {})
        requests.append((name, settings, assignment))
    return plan_sweep(requests, host)


def compile_models(plan: SweepPlan, host: Host, store: Store) -> None:
    """Compiles what sweep and search need, so that neither has to."""
    bench = bench_in(Path(), host, store)
    for point in plan.points:
        assert point.case is not None
        gather(point.case, bench)


def measure(
    plan: SweepPlan,
    name: CaseName,
    sets: Sequence[str],
    host: Host,
    store: Store,
    out: Path,
) -> Round:
    """Runs one sweep, and one search with a share of the sweep's time for its budget."""
    began = time.monotonic()
    with SweepFolder.opened(out / "sweep", plan) as folder:
        sweep = Sweep(folder, bench_in(out, host, store))
        for _ in sweep.run():
            pass
    sweep_s = time.monotonic() - began
    figures = {}
    for result in sweep.results:
        if result.reason is not None or result.point.case is None:
            raise SystemExit(f"a point of the sweep failed: {result.reason}")
        figures[size_of(result.point.case)] = result.figures[THROUGHPUT].value
    budget_s = _BUDGET_SHARE * sweep_s
    tuned = search(name, sets, budget_s, host, store, out / "tune")
    return Round(sweep_s, figures, tuned.seconds, size_of(tuned.case), tuned.verdict.confidence)


def search(
    name: CaseName, sets: Sequence[str], budget_s: float, host: Host, store: Store, out: Path
) -> Tuned:
    """Searches the same choices of batch size and cores, with allocator and weights as they are."""
    axes = {axis.parameter.name: axis for (axis,) in read_axes(sets)}
    choices: dict[str, list[Value]] = {
        field: [int(text) for text in axes[field].values]
        for field in ("batch_size", "cores_per_instance")
    }
    choices |= {"allocator": ["auto"], "weight_sharing": [False]}
    settings = collect({}, [sets[-1]], {})
    request = TuneRequest(name, settings, choices, Objective("throughput"), budget_s)
    return tune_case(request, bench_in(out, host, store))


def bench_in(out: Path, host: Host, store: Store) -> Bench:
    """Returns a bench that tells nobody and leaves its records below ``out``."""
    return Bench(host, AssetResolver(store, Silent()), out, Silent())


def size_of(case: Case) -> str:
    """Returns ``batch/cores per instance``."""
    return f"{case.batch_size}/{case.cores_per_instance}"


def told(one: Round) -> str:
    """Returns what a round was, in words."""
    best = max(one.figures, key=lambda size: one.figures[size])
    return (
        f"sweep {one.sweep_s:.0f} s, its best {best}"
        f" ({one.figures[best]:.1f} img/s); tune {one.tune_s:.0f} s found"
        f" {one.found} ({one.figures[one.found]:.1f} in this sweep),"
        f" {100 * one.confidence:.0f} % sure"
    )


def judged(rounds: Sequence[Round]) -> bool:
    """Prints distance and share of time of each round; returns whether all meet the goal."""
    pooled = {
        size: statistics.median(one.figures[size] for one in rounds) for size in rounds[0].figures
    }
    best = max(pooled.values())
    print("median of the sweeps, img/s, by batch/cores per instance:")
    print("  " + "  ".join(f"{size}: {figure:.1f}" for size, figure in pooled.items()))
    met = []
    for one in rounds:
        distance = 1 - pooled[one.found] / best
        share = one.tune_s / one.sweep_s
        met.append(distance <= MARGIN and share <= SHARE)
        print(
            f"{'ok  ' if met[-1] else 'MISS'} {100 * distance:.1f} % from the best"
            f" (goal {100 * MARGIN:g}) in {100 * share:.0f} % of the time (goal {100 * SHARE:g})"
        )
    return all(met)


if __name__ == "__main__":
    main()
