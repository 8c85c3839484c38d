"""Runs one LoadGen test in the worker; only this module and the responder load LoadGen."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mlperf_loadgen

from r50bench.errors import RunFailed
from r50bench.load import LoadgenPlan
from r50bench.measure.binding import bind_cpus, give_way, own_cpus, threads_of_process
from r50bench.measure.instance import Instance
from r50bench.measure.loads.loadgen.conf_files import AUDIT_CONFIG, USER_CONF
from r50bench.measure.loads.loadgen.qsl import SampleLibrary
from r50bench.measure.loads.loadgen.responder import Responder
from r50bench.measure.loads.loadgen.system_under_test import Ending, SystemUnderTest
from r50bench.measure.protocol import FeedSpec
from r50bench.mlperf_rules import round_of

__all__ = ["run_test"]

_MODEL = "resnet50"
_BUILT_IN, _USER = 0, 2  # FromConfig's kinds of files: the mlperf.conf compiled in, user.conf
_PR_SET_TIMERSLACK = 29  # <linux/prctl.h>
_SWITCH_S = 1e-4
_PEAK_STEP = 0.25  # LoadGen doubles otherwise, and spends long tests far above what is possible


def run_test(
    settings: LoadgenPlan,
    folder: Path,
    feed: FeedSpec,
    instances: list[Instance],
    cpus: Iterable[int],
) -> None:
    """Runs a test whose user.conf lies in ``folder``, where LoadGen leaves its logs.

    LoadGen's own threads run on ``cpus``. One of them writes the log, a hundred times a second.
    Where it has no other CPUs than an instance's that answers inline, it would hold up every other
    query; there it waits for its turn between two queries, where no latency is measured.

    Raises:
        RunFailed: LoadGen does not take the settings.
        Exception: the first error of any instance. LoadGen is still waiting then, and this process
            must end.
    """
    library = SampleLibrary(feed, settings.dataset_size)
    responders = [
        Responder(one.runner, library, feed.batch_size, one.count_samples) for one in instances
    ]
    ending = Ending()
    loadgen_cpus = frozenset(cpus)
    shared = any(not loadgen_cpus.isdisjoint(one.slot.cpus) for one in instances)
    sut = SystemUnderTest(
        settings.scenario,
        instances,
        responders,
        library,
        feed.batch_size,
        ending,
        share_cpus=shared,
    )
    test = _Test(settings, folder, library, sut, ending, loadgen_cpus)
    sut.open()
    with _quick_switches():
        if sut.inline:
            instances[0].submit(test.run)
        else:
            threading.Thread(target=test.run, name="loadgen", daemon=True).start()
        ending.wait()
    sut.close()


class _Test:
    """One StartTest, to be run on a thread of its own or of the one instance it answers from."""

    def __init__(
        self,
        settings: LoadgenPlan,
        folder: Path,
        library: SampleLibrary,
        sut: SystemUnderTest,
        ending: Ending,
        cpus: frozenset[int],
    ) -> None:
        self._settings = _test_settings(settings, folder / USER_CONF)
        self._size, self._buffer = settings.dataset_size, settings.buffer_size
        self._logs = _log_settings(folder)
        audit = folder / AUDIT_CONFIG
        # Without a name LoadGen would take an audit.config that happens to lie about.
        self._audit = str(audit) if audit.exists() else ""
        self._library = library
        self._sut = sut
        self._ending = ending
        self._loadgen_cpus = self._own_cpus = cpus
        self._earlier_threads: set[int] = set()
        self._settled = False

    def run(self) -> None:
        """Runs the test and says how it ended; raises nothing."""
        try:
            ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
            if self._sut.inline:  # this thread is the instance's
                self._own_cpus = own_cpus()
            # LoadGen's threads inherit that; _load takes it back before anything is timed.
            bind_cpus(self._loadgen_cpus)
            self._earlier_threads = threads_of_process()
            sut = mlperf_loadgen.ConstructFastSUT(self._sut.issue, self._sut.flush)
            qsl = mlperf_loadgen.ConstructQSL(self._size, self._buffer, self._load, self._unload)
            mlperf_loadgen.StartTestWithLogSettings(
                sut, qsl, self._settings, self._logs, self._audit
            )
            mlperf_loadgen.DestroyQSL(qsl)
            mlperf_loadgen.DestroyFastSUT(sut)
        except BaseException as error:  # noqa: BLE001  the main thread raises it
            self._ending.fail(error)
        self._ending.over()

    def _load(self, indices: list[int]) -> None:
        try:
            if not self._settled:
                self._settle_threads()
            self._library.load(indices)
            self._sut.take_loaded()
        except BaseException as error:  # noqa: BLE001  nothing may reach LoadGen's code
            self._ending.fail(error)

    def _settle_threads(self) -> None:
        """Takes this thread's CPUs back, now that LoadGen has started its own."""
        self._settled = True
        bind_cpus(self._own_cpus)
        if self._sut.takes_turns:
            give_way(threads_of_process() - self._earlier_threads, self._own_cpus)

    def _unload(self, indices: list[int]) -> None:
        self._library.unload(indices)


def _test_settings(settings: LoadgenPlan, conf: Path) -> mlperf_loadgen.TestSettings:
    test = mlperf_loadgen.TestSettings()
    for path, kind in (("", _BUILT_IN), (str(conf), _USER)):
        if test.FromConfig(path, _MODEL, settings.scenario, kind) != 0:
            raise RunFailed(f"LoadGen cannot read {path or 'its built-in mlperf.conf'}")
    test.scenario = getattr(mlperf_loadgen.TestScenario, settings.scenario)
    test.mode = getattr(mlperf_loadgen.TestMode, settings.mode)
    # user.conf may change none of these.
    seeds = round_of(settings.seeds).seeds
    test.qsl_rng_seed, test.sample_index_rng_seed, test.schedule_rng_seed = seeds
    test.server_coalesce_queries = settings.server_coalesce_queries
    test.server_find_peak_qps_decimals_of_precision = 0
    test.server_find_peak_qps_boundary_step_size = _PEAK_STEP
    return test


def _log_settings(folder: Path) -> mlperf_loadgen.LogSettings:
    logs = mlperf_loadgen.LogSettings()
    logs.enable_trace = False
    logs.log_output.outdir = str(folder)
    return logs


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Lets a thread that waits for the interpreter have it after 0.1 ms instead of 5."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
