"""All that the main job needs, made before anything is measured: several models at once."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from r50bench.case import Case
from r50bench.engines.child import STOP
from r50bench.errors import R50BenchError
from r50bench.host.topology import Host, usable_cores
from r50bench.main_job.plan import BY_DEFAULT, MainJob, Turn
from r50bench.measure.bench import Bench
from r50bench.measure.inputs import fed_what_there_is, gather
from r50bench.notices import Progress, Silent
from r50bench.planning.planned import Planned
from r50bench.precision import PRECISIONS
from r50bench.wording import counted

__all__ = ["prepare_models", "with_pictures_there_are"]

_BYTES_OF_A_COMPILATION = 3 * 2**30
_MOST_AT_ONCE = 8
_LOOK_UP_S = 1.0


def with_pictures_there_are(job: MainJob, bench: Bench) -> MainJob:
    """Falls back on dummy input where nobody asked for pictures and the sample cannot be had."""
    fed = iter(fed_what_there_is(job.cases, bench, BY_DEFAULT))
    turns = (Turn(tuple(next(fed) for _ in turn.cases)) for turn in job.turns)
    return replace(job, turns=tuple(turns))


def prepare_models(planned: Sequence[Planned], bench: Bench) -> Mapping[Case, R50BenchError]:
    """Fetches, compiles and builds what the cases need; returns why some of them cannot run.

    Weights, pictures and the peak come first, one after the other. Models are then made on all
    cores at once, as far as memory reaches, with one line of progress; when this returns nothing
    compiles any more. An interruption ends the compilations at once.
    """
    failed: dict[Case, R50BenchError] = {}
    for one in planned:
        try:
            _resolve(one.case, bench)
        except R50BenchError as error:
            failed[one.case] = error
    wanted = [one.case for one in planned if one.case not in failed]
    bench.progress.phase(f"preparing {counted(len(wanted), 'model')}", len(wanted))
    stop = threading.Event()
    with ThreadPoolExecutor(_at_once(bench.host)) as pool:
        futures = {_submit(pool, case, bench, stop): case for case in _in_turn(wanted)}
        try:
            _await(futures, bench.progress)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for future, case in futures.items():
        try:
            future.result()
        except R50BenchError as error:
            failed[case] = error
    return failed


def _resolve(case: Case, bench: Bench) -> None:
    """Leaves in ``bench.assets`` all that is not a model, so that threads find it there."""
    assets = bench.assets
    assets.check(case)
    assets.weights(case)
    assets.pictures(case)
    if PRECISIONS[case.precision].numerics.calibrated:
        assets.calibration(case)
    assets.limit_if_known(case, bench.host)


def _at_once(host: Host) -> int:
    by_memory = (host.usable_memory_bytes or 0) // _BYTES_OF_A_COMPILATION
    cores = len(usable_cores(host))
    return max(1, min(cores, by_memory or cores, _MOST_AT_ONCE))


def _in_turn(cases: Sequence[Case]) -> list[Case]:
    """Returns the cases engine by engine, in the order in which the job names them.

    PyTorch's models come first so: each takes several times what a plan of our own does, and one
    that began last would compile alone beside idle cores. Of what is calibrated one comes first,
    the others last: they are made from one quantised model, and none waits for it on a core.
    """
    engines = list(dict.fromkeys(case.engine for case in cases))
    calibrated = {case for case in cases if PRECISIONS[case.precision].numerics.calibrated}
    first = next((case for case in cases if case in calibrated), None)
    return sorted(
        cases,
        key=lambda case: (case != first, engines.index(case.engine), case in calibrated),
    )


def _submit(
    pool: ThreadPoolExecutor, case: Case, bench: Bench, stop: threading.Event
) -> Future[object]:
    def make() -> object:
        STOP.set(stop)
        return gather(case, replace(bench, progress=Silent()))

    return pool.submit(contextvars.Context().run, make)


def _await(futures: Mapping[Future[object], Case], progress: Progress) -> None:
    waiting = set(futures)
    while waiting:
        _, waiting = wait(waiting, _LOOK_UP_S, FIRST_COMPLETED)
        making = ", ".join(_named(futures[one]) for one in waiting if one.running())
        progress.advance(len(futures) - len(waiting), making)


def _named(case: Case) -> str:
    return f"{case.engine} {case.precision} batch {case.batch_size}"
