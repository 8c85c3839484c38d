"""Do undisturbed figures stay where a neighbour comes and goes, and what do looks at cores cost?

    python benchmarks/canary.py                                # fp32 on torch: some 8 minutes
    python benchmarks/canary.py --engine r50 --precision int8
    python benchmarks/canary.py --pairs 0                      # known work alone: 4 minutes

**Cost.** Known work in batches of 1, 10 and 100 ms in the closed loop of an instance, on one core,
rounds with looks and without by turns: by how much the time between batches is longer with them, as
a share of the round, and as a check throughput with over without. The goal: at most 0.1 %.

**Neighbour.** A busy loop on the instance's very core, or on the other thread of it where the
kernel shows one, for spells of chance length (--spells, in ms) with pauses as long. Measured beside
it and without it, by turns: known work in batches of 10 ms, and an engine at --batch, each time by
fresh processes. The goal: the median of the undisturbed figures beside the neighbour is within 2 %
of that without, while the experienced one falls by 10 % or more. Exits with 3 where a goal is
missed, or OPEN: rounds without enough undisturbed batches decide nothing, and three a side must.

Others who share the cores unseen disturb both sides; what they leave undisturbed is printed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from neighbour import Neighbour

from r50bench.case import CaseName
from r50bench.host.topology import read_host
from r50bench.measure.bench import Bench, bench_here
from r50bench.measure.canary import open_canary
from r50bench.measure.loads.closed_loop import closed_loop
from r50bench.measure.loads.looks import by_batch
from r50bench.measure.session import Outcome, Session, open_session
from r50bench.notices import Silent
from r50bench.parameters import collect
from r50bench.planning.planned import Planned, plan_named
from r50bench.results.judged import judged_figure
from r50bench.results.kpi import (
    FULL_SPEED,
    THROUGHPUT,
    UNDISTURBED_BATCHES,
    WAITING_BATCHES,
    Kpi,
)
from r50bench.results.ratio import ratio_of_rounds
from r50bench.results.samples import Samples
from r50bench.results.stats import Estimate
from r50bench.results.timeline import throughput, windows
from r50bench.results.undisturbed import core_states, undisturbed_throughput

COST_GOAL, WITHIN_GOAL, MOVED_GOAL = 0.001, 0.02, 0.10
COST_BATCHES_MS = (1, 10, 100)
COST_ROUNDS, COST_ROUND_S = 16, 1.2
KNOWN_MS, KNOWN_PAIRS, KNOWN_ROUND_S = 10, 16, 3.0
LEAST_FIGURES = 3
ENGINE_ROUNDS = 3


@dataclass(frozen=True)
class Figures:
    """What one side of a pair came to, in images (or batches) a second."""

    experienced: float
    undisturbed: float | None
    passed: int
    batches: int
    full_speed: float
    waited: int


@dataclass(frozen=True)
class Pair:
    """The same measured without the neighbour and beside it."""

    alone: Figures
    beside: Figures

    @property
    def undisturbed(self) -> float | None:
        """Beside it over without it; None where a side has too few undisturbed batches."""
        if self.alone.undisturbed is None or self.beside.undisturbed is None:
            return None
        return self.beside.undisturbed / self.alone.undisturbed

    @property
    def experienced(self) -> float:
        return self.beside.experienced / self.alone.experienced


def main() -> None:
    """Measures and prints; exits with 3 where a goal is missed or open."""
    asked = _arguments()
    with ExitStack() as stack:
        folder = asked.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench = bench_here(read_host(), folder, Silent())
        planned = _planned(asked, bench)
        (cpu,) = planned.placement.slots[0].cpus
        library, why_not = bench.assets.canary(bench.host)
        if library is None:
            sys.exit(f"there is no canary: {why_not}")
        work = KnownWork(library, cpu)
        met = [cost_of_looks(work, ms) for ms in COST_BATCHES_MS]
        known = known_pairs(work, KNOWN_PAIRS, Neighbour(bench.host, cpu, asked.spells))
        met.append(judged(f"known work, batches of {KNOWN_MS} ms", known))
        if asked.pairs:
            found = engine_pairs(asked, planned, bench, Neighbour(bench.host, cpu, asked.spells))
            met.append(judged(f"{planned.name}, engine {asked.engine}, batch {asked.batch}", found))
    sys.exit(0 if all(met) else 3)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="torch")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--pairs", type=int, default=4, help="of the engine")
    parser.add_argument("--seconds", type=float, default=7.0, help="of each of three rounds a side")
    parser.add_argument("--spells", type=float, nargs=2, default=(50.0, 500.0), metavar="MS")
    parser.add_argument("--out", type=Path, help="keep the engine's records there")
    return parser.parse_args()


def _planned(asked: argparse.Namespace, bench: Bench) -> Planned:
    sets = [f"ENGINE={asked.engine}", f"WEIGHTS={asked.weights}", f"BATCH_SIZE={asked.batch}"]
    sets += ["CORES_PER_INSTANCE=1", "INSTANCES=1"]
    name = CaseName.parse(f"inference_throughput_{asked.precision}")
    (planned,) = plan_named([name], collect({}, sets, {}), bench.host, tuned=False)
    return planned


# --- known work -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Round:
    """One round of known work: its stamps, and what looks found, nothing without them."""

    starts: list[int]
    ends: list[int]
    canary: list[int]
    waited: list[int]

    @property
    def taken_ns(self) -> int:
        return self.ends[-1] - self.starts[0]

    @property
    def rate(self) -> float:
        """Batches a second."""
        return 1e9 * len(self.starts) / self.taken_ns

    @property
    def between_ns(self) -> int:
        """What passed between batches in all."""
        return self.taken_ns - sum(
            end - start for start, end in zip(self.starts, self.ends, strict=True)
        )


class KnownWork:
    """Batches of exponentials of numbers that lie in the first caches, in a thread on one CPU."""

    def __init__(self, library: Path, cpu: int) -> None:
        self._numbers = np.linspace(0, 1, 4096, dtype=np.float32)
        self._into = np.empty_like(self._numbers)
        self._thread = ThreadPoolExecutor(1, initializer=os.sched_setaffinity, initargs=(0, {cpu}))
        self._canary = self._thread.submit(open_canary, str(library), (cpu,), ()).result()
        self._repeats_a_ms = 1e6 / self._thread.submit(self._fastest_ns).result()

    def round(self, batch_ms: float, steps: int, *, looking: bool) -> Round:
        """Runs so many batches that take ``batch_ms`` where the core is at full speed."""
        return self._thread.submit(self._round, batch_ms, steps, looking).result()

    def _round(self, batch_ms: float, steps: int, looking: bool) -> Round:
        clock = time.perf_counter_ns
        watch = self._canary if looking else None
        repeats = max(1, round(batch_ms * self._repeats_a_ms))
        starts, ends, _ = closed_loop(
            self._batch,
            [repeats],
            steps,
            at_ns=clock(),
            clock=clock,
            tick=lambda: None,
            watch=watch,
        )
        return Round(starts, ends, *(by_batch(watch.found(), ends) if watch else ([], [])))

    def _batch(self, repeats: int) -> None:
        for _ in range(repeats):
            np.exp(self._numbers, out=self._into)

    def _fastest_ns(self) -> float:
        """Returns what the work takes once: by the fastest of many."""
        return min(_timed_ns(lambda: self._batch(100)) for _ in range(1000)) / 100


def _timed_ns(work: Callable[[], None]) -> int:
    began = time.perf_counter_ns()
    work()
    return time.perf_counter_ns() - began


def cost_of_looks(work: KnownWork, batch_ms: float) -> bool:
    """Prints what looks cost at batches of such a length; returns whether the goal is met."""
    steps = round(1e3 * COST_ROUND_S / batch_ms)
    both = []
    for number in range(COST_ROUNDS):
        order = (True, False) if number % 2 else (False, True)
        found = {looking: work.round(batch_ms, steps, looking=looking) for looking in order}
        both.append((found[True], found[False]))
    spent = [(looking.between_ns - other.between_ns) / looking.taken_ns for looking, other in both]
    ratio = ratio_of_rounds([one.rate for one, _ in both], [other.rate for _, other in both])
    met = statistics.median(spent) <= COST_GOAL
    print(
        f"batches of {batch_ms:3} ms: looks take {100 * statistics.median(spent):.3f} % of a round"
        f" ({100 * min(spent):.3f} to {100 * max(spent):.3f} in {COST_ROUNDS} rounds), goal"
        f" {100 * COST_GOAL:g} %{'' if met else '  MISS'}; throughput with over without"
        f" {_ratio(ratio)}",
        flush=True,
    )
    return met


def known_pairs(work: KnownWork, count: int, neighbour: Neighbour) -> list[Pair]:
    """Returns pairs of rounds of known work, and prints each as it is there.

    The full speed that any round has shown is known to those after it, as a host knows it.
    """
    steps = round(1e3 * KNOWN_ROUND_S / KNOWN_MS)
    known_ns: dict[int, float] = {}
    pairs = []
    for number in range(count):
        sides: dict[bool, Figures] = {}
        for beside in (False, True) if number % 2 == 0 else (True, False):
            with neighbour.busy() if beside else ExitStack():
                found = work.round(KNOWN_MS, steps, looking=True)
            sides[beside] = _figures_of(found, known_ns)
        pairs.append(Pair(sides[False], sides[True]))
        print(pair_line(number, pairs[-1]), flush=True)
    return pairs


def _figures_of(found: Round, known_ns: dict[int, float]) -> Figures:
    steps = len(found.starts)
    zeros = np.zeros(steps, np.int64)
    samples = Samples(
        round=zeros,
        instance=zeros,
        step=np.arange(steps),
        start_ns=np.array(found.starts),
        end_ns=np.array(found.ends),
        images=zeros + 1,
        canary_ns=np.array(found.canary),
        waited_ns=np.array(found.waited),
    )
    states, common = core_states(samples, known_ns), windows(samples)
    assert states is not None
    assert common is not None
    known_ns |= states.full_speed_ns
    alone = undisturbed_throughput(samples, states)
    return Figures(
        throughput(samples, common).value,
        None if alone is None else alone.value,
        int(np.sum(states.undisturbed)),
        steps,
        states.share(states.full_speed),
        int(np.sum(states.waited)),
    )


# --- an engine ------------------------------------------------------------------------------------


def engine_pairs(
    asked: argparse.Namespace, planned: Planned, bench: Bench, neighbour: Neighbour
) -> list[Pair]:
    """Returns pairs of fresh sets of processes, and prints each as it is there."""
    pairs = []
    for number in range(asked.pairs):
        with ExitStack() as stack:
            sides: list[Session] = []
            for word in ("alone", "beside"):
                place = replace(bench, out=bench.out / word)
                session = stack.enter_context(open_session(planned, place))
                session.pace(asked.seconds)
                sides.append(session)
            for turn in range(ENGINE_ROUNDS):
                for beside in (0, 1) if (number + turn) % 2 == 0 else (1, 0):
                    with neighbour.busy() if beside else ExitStack():
                        sides[beside].measure_round()
        alone, other = (_figures_left(session.left) for session in sides)
        pairs.append(Pair(alone, other))
        print(pair_line(number, pairs[-1]), flush=True)
    return pairs


def _figures_left(outcome: Outcome) -> Figures:
    if outcome.error is not None:
        sys.exit(f"a run failed: {outcome.error}")
    found: dict[str, Kpi] = outcome.figures
    alone = judged_figure(found, THROUGHPUT, "undisturbed")
    return Figures(
        found[THROUGHPUT].value,
        None if alone is None else alone.value,
        int(found[UNDISTURBED_BATCHES].value),
        int(found["Samples"].value),
        found[FULL_SPEED].value / 100,
        int(found[WAITING_BATCHES].value),
    )


# --- what is printed ------------------------------------------------------------------------------


def pair_line(number: int, pair: Pair) -> str:
    """Returns both sides of a pair, and beside the neighbour over without it."""
    ratio = "open" if pair.undisturbed is None else f"{pair.undisturbed:.4f}"
    return (
        f"  pair {number + 1}: without {_side(pair.alone)} | beside {_side(pair.beside)}"
        f" | undisturbed {ratio}, experienced {pair.experienced:.3f}"
    )


def judged(title: str, pairs: Sequence[Pair]) -> bool:
    """Prints what pairs came to; returns whether the goals are met."""
    moved = [pair.experienced for pair in pairs]
    alone = [pair.alone.undisturbed for pair in pairs if pair.alone.undisturbed is not None]
    beside = [pair.beside.undisturbed for pair in pairs if pair.beside.undisturbed is not None]
    said = (
        f"{title}: experienced {statistics.median(moved):.3f} ({min(moved):.3f} to"
        f" {max(moved):.3f}), goal at most {1 - MOVED_GOAL:g}; undisturbed in {len(alone)} of"
        f" {len(pairs)} rounds without and {len(beside)} beside"
    )
    if min(len(alone), len(beside)) < LEAST_FIGURES:
        print(f"{said}: OPEN", flush=True)
        return False
    middle = statistics.median(alone)
    stayed = statistics.median(beside) / middle
    met = abs(stayed - 1) <= WITHIN_GOAL and statistics.median(moved) <= 1 - MOVED_GOAL
    print(
        f"{said}: {stayed:.4f} ({_spread(beside, middle)}; without {_spread(alone, middle)}),"
        f" goal 1 ± {WITHIN_GOAL:g}: {'ok' if met else 'MISS'}",
        flush=True,
    )
    return met


def _spread(figures: Sequence[float], middle: float) -> str:
    return f"{min(figures) / middle:.3f} to {max(figures) / middle:.3f}"


def _side(side: Figures) -> str:
    alone = "too few" if side.undisturbed is None else f"{side.undisturbed:.2f}"
    return (
        f"{side.experienced:.2f}, undisturbed {alone} ({side.passed} of {side.batches} batches,"
        f" {side.waited} waited, full speed {100 * side.full_speed:.0f} %)"
    )


def _ratio(ratio: Estimate) -> str:
    if ratio.low is None or ratio.high is None:
        return f"{ratio.value:.4f}"
    return f"{ratio.value:.4f} ({ratio.low:.4f} to {ratio.high:.4f})"


if __name__ == "__main__":
    main()
