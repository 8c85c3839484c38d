"""LoadGen in a session: what to expect of the warm instances, LoadGen itself, what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version

from r50bench.case import Placement
from r50bench.errors import RunFailed, UsageError
from r50bench.host.topology import Host
from r50bench.load import LoadgenPlan, LoadgenSettings
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.bring_up import start_instant_ns
from r50bench.measure.loads.loadgen.conf_files import (
    AUDIT_CONFIG,
    USER_CONF,
    audit_config,
    user_conf,
)
from r50bench.measure.protocol import LoadgenRan, Measure, Measured, RunLoadgen, Watched
from r50bench.measure.record_draft import samples_of_rounds
from r50bench.measure.session import Outcome, Session, open_session
from r50bench.mlperf.run.extent import extent
from r50bench.mlperf.run.logs import Detail, read_detail, read_predictions
from r50bench.mlperf.run.official_settings import fill_in
from r50bench.mlperf.run.peak_search import find_peak
from r50bench.mlperf.run.queueing import Service
from r50bench.mlperf.run.result import result_of
from r50bench.mlperf.run.run_length import (
    closed_loop_s,
    expected_samples,
    paced_s,
    refuse_hopeless_rate,
    refuse_too_many_queries,
)
from r50bench.mlperf.run.targets import RawFigures, raw_figures, with_target
from r50bench.mlperf.run.ways_out import ways_out
from r50bench.planning.planned import Planned
from r50bench.results.record import LoadgenResult

__all__ = [
    "LOADGEN_FOLDER",
    "LoadgenRun",
    "cpus_for_loadgen",
    "refuse_impossible",
    "run_mlperf",
]

LOADGEN_FOLDER = "loadgen"
"""Where in the record's folder LoadGen's logs and user.conf lie."""

_PAUSES = 3  # in batches; Server's bound leaves about such a share of the time to wait


def refuse_impossible(planned: Planned, assets: AssetResolver) -> None:
    """Refuses what no run can do with the pictures and weights asked, before any are fetched.

    Raises:
        UsageError: the data set is too small, it or the weights are none, or random weights are to
            be scored.
        AssetError: something may not be read.
    """
    case = planned.case
    assets.check(case)
    settings = fill_in(planned.loadgen, assets.count_pictures(case))
    if settings.scores_accuracy and case.weights == "random":
        raise _meaningless(settings)


def _meaningless(settings: LoadgenPlan) -> UsageError:
    return UsageError(
        f"{settings.mode} of random weights means nothing",
        hint="take --weights v1, v1.5 or a file; random ones serve PerformanceOnly",
    )


def run_mlperf(planned: Planned, bench: Bench) -> Outcome:
    """Runs LoadGen once (FindPeakPerformance: as often as its search needs); leaves a record.

    LoadGen's own logs and user.conf lie in the record's folder under ``loadgen/``. A run that
    LoadGen calls INVALID leaves an invalid record, with its result.

    Raises:
        UsageError: the data set is too small, accuracy was asked of random weights, or
            ``bench.out`` cannot be written.
    """
    refuse_impossible(planned, bench.assets)
    case, asked = planned.case, planned.loadgen
    pictures = bench.assets.pictures(case)
    assert pictures is not None
    settings = fill_in(asked, len(pictures.labels))
    if settings.scores_accuracy and bench.assets.weights(case).weights == "random":
        raise _meaningless(settings)
    with open_session(planned, bench) as session:
        session.carry_out(LoadgenRun(session, settings, bench).run)
    return session.left


class LoadgenRun:
    """LoadGen's load in an open session: what to expect, the test, what it cost."""

    def __init__(self, session: Session, settings: LoadgenPlan, bench: Bench) -> None:
        self._session = session
        self._draft = session.draft
        self._case = session.case
        self._asked = session.planned.loadgen
        self._settings = settings
        self._loadgen_cpus = cpus_for_loadgen(session.planned.placement, bench.host)
        self._memory_bytes = bench.host.usable_memory_bytes or 0
        self._folder = session.folder
        self._progress = bench.progress
        self._closed_loops: list[Sequence[Measured]] = []
        self._answers: list[Sequence[Watched]] = []

    def run(self) -> None:
        """Measures what to expect, runs LoadGen, measures again, and notes LoadGen's result.

        Clocks and caches drift by some per cent within a run. With one closed loop before LoadGen
        and one after, that does not count as what LoadGen costs.

        Raises:
            RunFailed: LoadGen calls the run invalid, or there is no result; what is known of it is
                in the draft.
        """
        settings, raw = self._settings, None
        refuse_too_many_queries(settings, self._memory_bytes)
        if settings.measures:
            raw = self._closed_loop()
            service = self._paced(raw) if settings.scenario == "Server" else None
            settings, said = with_target(settings, raw, service)
            self._draft.warn(said)
            refuse_hopeless_rate(self._asked, settings)
            refuse_too_many_queries(settings, self._memory_bytes)
        if settings.mode == "FindPeakPerformance":
            settings, detail, search = find_peak(settings, self._search_test)
            detail.folder.rename(self._folder / LOADGEN_FOLDER)
        else:
            detail, search = self._test(settings, self._title(settings, raw), LOADGEN_FOLDER), ()
        result = self._note(settings, detail, raw, search)
        if settings.measures:
            result = self._note(settings, detail, self._closed_loop(), search)
        self._conclude(result, detail)
        if settings.scores_accuracy:
            self._keep_predictions()

    def _title(self, settings: LoadgenPlan, raw: RawFigures | None) -> str:
        """Returns ``LoadGen for about 250 s``, and says why where a count has it last longer."""
        open_before = replace(
            self._asked,
            dataset_size=settings.dataset_size,
            target_qps=settings.target_qps,
            target_latency_ms=settings.target_latency_ms,
        )
        whole = extent(open_before, raw)
        if whole.seconds is None:
            return "LoadGen"
        title = f"LoadGen for about {whole.seconds:.0f} s"
        if whole.lengthened:
            self._progress.note(f"{self._draft.name}  {title}: {whole}")
        return title

    def _note(
        self,
        settings: LoadgenPlan,
        detail: Detail,
        raw: RawFigures | None,
        search: tuple[tuple[float, str, float], ...],
    ) -> LoadgenResult:
        """Puts LoadGen's result into the draft, where a later failure finds it."""
        measured = settings.measures and _target(settings) != _target(self._asked)
        result = replace(
            result_of(settings, self._case, detail, raw, version("mlcommons-loadgen")),
            peak_search=search,
            target_measured=measured,
        )
        self._draft.loadgen = result
        return result

    def _conclude(self, result: LoadgenResult, detail: Detail) -> None:
        self._draft.note_contention(self._answers)
        if result.verdict == "INVALID":
            mend = ways_out(self._asked, target_measured=result.target_measured)
            raise RunFailed(
                f"LoadGen calls the run INVALID: {detail.reason}",
                hint=f"{mend}. Its logs lie in {LOADGEN_FOLDER}/ of the run's folder",
            )
        if result.errors:
            raise RunFailed(f"LoadGen reports errors: {'; '.join(result.errors)}")

    def _keep_predictions(self) -> None:
        size, inputs = self._settings.dataset_size, self._session.inputs
        folder = self._folder / LOADGEN_FOLDER
        self._draft.keep_predictions(
            read_predictions(folder, inputs.names[:size], inputs.labels[:size])
        )

    def _closed_loop(self) -> RawFigures:
        """Runs the closed loop and returns what it has given so far, with any run before."""
        what = "closed loop again" if self._closed_loops else "closed loop"
        seconds = closed_loop_s(self._settings.duration_s)
        self._closed_loops.append(self._loop(what, seconds, pause_ns=0))
        self._draft.samples = samples_of_rounds(self._closed_loops, self._case.batch_size)
        return raw_figures(self._draft.samples, self._settings, self._case.batch_size)

    def _paced(self, raw: RawFigures) -> Service:
        """Measures batches with pauses between them, at which caches cool and cores fall asleep."""
        pause_ns = _PAUSES * raw.median_ns
        seconds = paced_s(self._settings.duration_s)
        paced = self._loop("queries far apart", seconds, pause_ns=pause_ns)
        samples = samples_of_rounds([paced], self._case.batch_size)
        return Service(samples.latency_ns, self._case.instances, self._case.batch_size)

    def _loop(self, what: str, seconds: float, *, pause_ns: int) -> list[Measured]:
        self._progress.phase(f"{self._draft.name}  {what} for {seconds:g} s")
        begin = start_instant_ns()
        asked = Measure(begin, begin + round(seconds * 1e9), pause_ns=pause_ns)
        answers = self._session.ask(asked, Measured)
        self._answers.append(answers)
        return answers

    def _search_test(self, settings: LoadgenPlan, what: str) -> Detail:
        return self._test(settings, what, f"search/{what.replace(' ', '-')}")

    def _test(self, settings: LoadgenPlan, what: str, where: str) -> Detail:
        """Runs one test, whose logs go to ``where`` in the run's folder; reads its detail log."""
        folder = self._folder / where
        folder.mkdir(parents=True)
        (folder / USER_CONF).write_text(user_conf(settings))
        if audit := audit_config(settings):
            (folder / AUDIT_CONFIG).write_text(audit)
        self._progress.phase(f"{self._draft.name}  {what}", _total(settings))
        asked = RunLoadgen(settings, str(folder.resolve()), self._loadgen_cpus)
        self._answers.append(self._session.ask(asked, LoadgenRan))
        return read_detail(folder)


def cpus_for_loadgen(placement: Placement, host: Host) -> tuple[int, ...]:
    """Returns the CPUs that disturb the instances least: other cores, else their siblings."""
    busy = [cpu for slot in placement.slots for cpu in slot.cpus]
    siblings = tuple(cpu for core in host.cores for cpu in core.cpus if cpu not in busy)
    return placement.leftover or siblings or tuple(busy)


def _target(settings: LoadgenSettings) -> float | None:
    """Returns the scenario's target; the latency of Server is no target but a bound."""
    if settings.scenario in ("SingleStream", "MultiStream"):
        return settings.target_latency_ms
    return settings.target_qps


def _total(settings: LoadgenPlan) -> int | None:
    """Returns how many samples will be answered, None where LoadGen decides on the way."""
    if settings.mode == "FindPeakPerformance":
        return None
    accuracy = settings.dataset_size if settings.scores_accuracy else 0
    return accuracy + (expected_samples(settings) if settings.measures else 0)
