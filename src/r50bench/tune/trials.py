"""Configurations of a case on the machine itself: sessions that a search opens and measures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from r50bench.assets.store import Store
from r50bench.case import Case
from r50bench.errors import AssetError, R50BenchError, RunFailed
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.inputs import gather
from r50bench.measure.session import Outcome, Session, open_session
from r50bench.notices import Progress, Silent
from r50bench.planning.effective_case import EffectiveCase
from r50bench.planning.planned import plan_case
from r50bench.precision import PRECISIONS
from r50bench.results.samples import Samples
from r50bench.results.stats import percentile
from r50bench.results.timeline import mean_latency_ns, throughput, windows
from r50bench.tune.field import Figures
from r50bench.tune.objective import LATENCIES
from r50bench.tune.space import Configuration

__all__ = ["Trials", "expected_latency_s", "figures_of"]

# A round is as short as a few batches and the start of the instances allow.
_ROUND_S, _WARMUP_S = 0.3, 0.3
_MOST_STEPS = 500
# Until something was measured: seconds to start the workers, and to compile a model (14 to 26 s
# were seen on two cores).
_PRIOR_OPEN_S, _PRIOR_COMPILE_S = 3.0, 25.0


class _NotKept(AssetError):
    """What was looked for would have to be made first."""


class _Kept(Store):
    """A store that finds entries and makes none."""

    def produce(
        self,
        kind: str,
        key: str,
        make: Callable[[Path], None],
        provenance: Mapping[str, Any],
        progress: Progress | None = None,
        sound: Callable[[Path], bool] = lambda _: True,
    ) -> Path:
        found = self.find(kind, key)
        if found is None or not sound(found):
            raise _NotKept(f"{kind} {key} is not kept")
        return found


class Trials:
    """A :class:`.field.Rig` of sessions, whose records are left below ``bench.out``.

    ``plan`` gives the effective case of a configuration; ``lives`` ends the sessions that are open.
    A round has ``least_steps`` batches or more, however long they take.
    """

    def __init__(
        self,
        plan: Callable[[Configuration], EffectiveCase],
        bench: Bench,
        lives: ExitStack,
        least_steps: int,
    ) -> None:
        self.compile_s = 0.0
        self.outcomes: dict[Configuration, Outcome] = {}
        self._compiled = 0
        self._plan = plan
        self._bench = bench
        kept = AssetResolver(_Kept(bench.assets.store.root), Silent())
        self._making_nothing = replace(bench, assets=kept, progress=Silent())
        self._lives = lives
        self._least_steps = least_steps
        self._open: dict[Configuration, tuple[Session, ExitStack]] = {}
        self._open_s: list[float] = []
        self._rate: float | None = None

    @classmethod
    @contextmanager
    def opened(
        cls,
        plan: Callable[[Configuration], EffectiveCase],
        bench: Bench,
        *,
        least_steps: int = 1,
    ) -> Iterator[Trials]:
        """Gives trials whose sessions end with the context.

        Leaving it by an exception leaves no record of those that were open.
        """
        with ExitStack() as lives:
            trials = cls(plan, bench, lives, least_steps)
            yield trials
        for configuration, (session, _) in trials._open.items():
            trials.outcomes[configuration] = session.left

    def now(self) -> float:
        return time.monotonic()

    def compiles(self, configuration: Configuration) -> bool:
        """Whether a model, or the loader of shared ones, would have to be compiled first."""
        case = self._plan(configuration).case
        weights = self._bench.assets.weights(case)
        if weights.weights != "file":  # auto would ask the network again
            case = replace(case, weights=weights.weights)
        try:
            gather(case, self._making_nothing)
        except _NotKept:
            return True
        except R50BenchError:
            return False  # opening it will say so
        return False

    def expected_s(self, configuration: Configuration) -> float:
        """Returns how long opening and the first round will take, compiling included."""
        case = self._trial(configuration).case
        opening = max(self._open_s[-3:], default=_PRIOR_OPEN_S)
        # Beside warm-up and round there are the first batch and the one under the kernel log.
        batches = case.warmup_steps + (case.steps or 0) + 2
        seconds = opening + batches * expected_latency_s(case, self._rate)
        if self.compiles(configuration):
            known = self._compiled > 0
            seconds += self.compile_s / self._compiled if known else _PRIOR_COMPILE_S
        return seconds

    def open(self, configuration: Configuration) -> None:
        """Compiles what is missing, loads, proves and warms up a configuration.

        Raises:
            R50BenchError: it cannot run; the record that may be left says why.
        """
        effective = self._trial(configuration)
        self._compile(configuration, effective.case)
        began = self.now()
        planned = plan_case(effective, self._bench.host)
        life = self._lives.enter_context(ExitStack())
        session = life.enter_context(open_session(planned, self._bench))
        self._open[configuration] = session, life
        if session.error is not None:
            self.close(configuration)
            raise session.error
        case = effective.case
        warm_up_s = (case.warmup_steps + 2) * expected_latency_s(case, self._rate)
        self._open_s.append(max(0.5, self.now() - began - warm_up_s))

    def measure(self, configuration: Configuration) -> Figures:
        """Measures one round of an open configuration.

        Raises:
            RunFailed: it failed, and is not open any more.
        """
        session, _ = self._open[configuration]
        samples = session.measure_round()
        if samples is None:
            error = session.error or RunFailed("the session had ended")
            self.close(configuration)
            raise error
        figures = figures_of(samples)
        case = session.case
        self._rate = figures.throughput / (case.instances * case.cores_per_instance)
        return figures

    def close(self, configuration: Configuration) -> None:
        """Ends a configuration; its record is left."""
        session, life = self._open.pop(configuration)
        life.close()
        self.outcomes[configuration] = session.left

    def _compile(self, configuration: Configuration, case: Case) -> None:
        if not self.compiles(configuration):
            return
        self._bench.progress.note(
            f"compiling for batch {case.batch_size}: the time counts, and is told apart"
        )
        began = self.now()
        gather(case, self._bench)
        self.compile_s += self.now() - began
        self._compiled += 1

    def _trial(self, configuration: Configuration) -> EffectiveCase:
        """Returns the case with as few steps as a short round takes."""
        effective = self._plan(configuration)
        latency = expected_latency_s(effective.case, self._rate)
        steps = min(_MOST_STEPS, max(self._least_steps, math.ceil(_ROUND_S / latency)))
        warm_up = min(_MOST_STEPS, math.ceil(_WARMUP_S / latency))
        return effective.became("trial", steps=steps, warmup_steps=warm_up, repeat=1)


def expected_latency_s(case: Case, rate: float | None) -> float:
    """Returns how long a batch will take where a core does ``rate`` images/s.

    Until something was measured ``rate`` is None, and the precision's row says what to expect.
    """
    if rate is None:
        expected = PRECISIONS[case.precision].expected_images_per_s(case.cores_per_instance)
        return case.batch_size / expected
    return case.batch_size / (rate * case.cores_per_instance)


def figures_of(samples: Samples) -> Figures:
    """Returns the figures of one round, whose instances overlap."""
    found = windows(samples)
    assert found is not None
    latency = samples.latency_ns.astype(float)
    return Figures(
        throughput(samples, found).value,
        {
            name: mean_latency_ns(samples).value
            if percent is None
            else percentile(latency, percent).value
            for name, percent in LATENCIES.items()
        },
    )
