"""The record of one run while it is being found out, and the folder it is left in."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from r50bench import __version__
from r50bench.errors import R50BenchError, RunFailed, UsageError, WorkerFailed, reason_of
from r50bench.host.snapshot import snapshot
from r50bench.measure.bench import Bench
from r50bench.measure.inputs import SessionInputs
from r50bench.measure.protocol import Measured, Predicted, Watched
from r50bench.notices import Notice, disturbance, neighbours, no_share_of_peak, unevenness
from r50bench.planning.planned import Planned
from r50bench.report.kpi_block import KpiBlock, block_text, kpi_block
from r50bench.results.files import Busy, Hold, is_disk_full, write_text_atomically
from r50bench.results.kpi import Kpi, by_name
from r50bench.results.record import (
    Accuracy,
    Canary,
    Energy,
    Evidence,
    GpuReport,
    LoadgenResult,
    Record,
    WorkerReport,
    new_record_id,
    write_record,
)
from r50bench.results.samples import SAMPLES_FILE, UNKNOWN_NS, Samples, write_samples

if TYPE_CHECKING:
    from r50bench.measure.until_reboot import FullSpeeds
    from r50bench.results.predictions import Predictions

__all__ = [
    "Outcome",
    "RecordDraft",
    "RunFolder",
    "leave_record",
    "lost_cpu_share",
    "others_cpus",
    "predictions_of",
    "samples_of",
    "samples_of_rounds",
    "slowdown",
]


def lost_cpu_share(rounds: Sequence[Sequence[Watched]]) -> float | None:
    """Returns the share of all rounds' time that the worker worst off lost; None if not known.

    ``rounds`` holds, for every round, what each worker answered.
    """
    shares = []
    for answers in zip(*rounds, strict=True):
        worker = [answer.contention for answer in answers]
        lost = [part.lost_ns for part in worker if part.lost_ns is not None]
        wall_ns = sum(part.wall_ns for part in worker)
        if len(lost) < len(worker) or not wall_ns:
            return None
        shares.append(sum(lost) / wall_ns)
    return max(shares, default=None)


def others_cpus(rounds: Sequence[Sequence[Watched]]) -> float | None:
    """Returns how many CPUs other processes kept busy on the whole machine; None if not known.

    Also where no instance waits for it: others' work on a core's other thread, or on cores that
    share the cache and the memory, makes batches slow. The kernel counts by its tick, so that
    rounds of less than 0.2 s in all tell nothing.
    """
    wall_ns = used_ns = 0
    for answers in rounds:
        watches = [answer.contention for answer in answers]
        busy = [watch.busy_ns for watch in watches if watch.busy_ns is not None]
        if not busy:
            return None
        wall_ns += max(watch.wall_ns for watch in watches)
        # Each worker reads the whole machine's; the least is of the shortest look.
        used_ns += max(0, min(busy) - sum(watch.own_ns for watch in watches))
    return used_ns / wall_ns if wall_ns >= _LEAST_WATCHED_NS else None


def slowdown(samples: Samples) -> float | None:
    """Returns how many times as long as its fastest tenth half of an instance's batches took.

    Of the instance where that is most; None where none ran 20 batches. A core at rest repeats the
    same work within a few per cent; what slows it down comes and goes, also where the kernel sees
    no wait: another guest, a core's other thread, the memory, the clock.
    """
    found = []
    for instance in np.unique(samples.instance):
        took = (samples.end_ns - samples.start_ns)[samples.instance == instance]
        fastest = np.percentile(took, 10)
        if len(took) >= _LEAST_BATCHES and fastest > 0:
            found.append(float(np.median(took) / fastest))
    return max(found, default=None)


def samples_of(rounds: Sequence[Sequence[Measured]], batch_size: int, steps: int) -> Samples:
    """Returns all rounds' timings as samples.

    Raises:
        WorkerFailed: an instance answered another number of batches than ``steps``.
    """
    for timing in (timing for answers in rounds for answer in answers for timing in answer.timings):
        if len(timing.starts_ns) != steps or len(timing.ends_ns) != steps:
            raise WorkerFailed(
                f"instance {timing.instance} answered {len(timing.ends_ns)} batches of {steps}"
            )
    return samples_of_rounds(rounds, batch_size)


def samples_of_rounds(rounds: Sequence[Sequence[Measured]], batch_size: int) -> Samples:
    """Returns all rounds' timings as samples, however many batches each instance has run."""
    columns: dict[str, list[int]] = {
        name: []
        for name in ("round", "instance", "step", "start_ns", "end_ns", "canary_ns", "waited_ns")
    }
    for number, answers in enumerate(rounds):
        for timing in (timing for answer in answers for timing in answer.timings):
            steps = len(timing.starts_ns)
            columns["round"] += [number] * steps
            columns["instance"] += [timing.instance] * steps
            columns["step"] += range(steps)
            columns["start_ns"] += timing.starts_ns
            columns["end_ns"] += timing.ends_ns
            columns["canary_ns"] += timing.canary_ns or [UNKNOWN_NS] * steps
            columns["waited_ns"] += timing.waited_ns or [UNKNOWN_NS] * steps
    arrays = {name: np.asarray(values, dtype=np.int64) for name, values in columns.items()}
    images = np.full(len(columns["step"]), batch_size, dtype=np.int64)
    return Samples(**arrays, images=images)


def predictions_of(
    answers: Sequence[Predicted], names: Sequence[str], labels: Sequence[int]
) -> Predictions:
    """Returns every picture's five likeliest classes, in the order of the data set.

    Raises:
        WorkerFailed: a picture was answered twice, or not at all.
    """
    from r50bench.results.predictions import Predictions  # only accuracy has them

    top5: Mapping[int, tuple[int, ...]] = {
        picture: row
        for answer in answers
        for picture, row in zip(answer.pictures, answer.top5, strict=True)
    }
    answered = sum(len(answer.pictures) for answer in answers)
    if answered != len(labels) or set(top5) != set(range(len(labels))):
        raise WorkerFailed(f"{len(top5)} of {len(labels)} pictures were answered, each due once")
    return Predictions(tuple(names), tuple(labels), tuple(top5[at] for at in range(len(labels))))


_LEAST_WATCHED_NS = 200_000_000
_LEAST_BATCHES = 20
_UNFINISHED = ".unfinished-"
_YOUNG_S = 60.0


@dataclass(frozen=True)
class Outcome:
    """What a session left behind. ``error`` is None for a valid record.

    ``block`` is what is said of the record, with its KPIs: they are derived once, here.
    """

    folder: Path
    record: Record
    samples: Samples | None
    block: KpiBlock
    error: RunFailed | None

    @property
    def figures(self) -> dict[str, Kpi]:
        """The KPIs by name; none where the record is invalid."""
        return by_name(self.block.kpis)


class RecordDraft:
    """What is known so far of one run, valid or not; what is not known yet is None or empty.

    ``planned`` is the case as it is run: :meth:`became` says where that is not as it was planned.
    """

    def __init__(self, planned: Planned, bench: Bench, inputs: SessionInputs) -> None:
        now = datetime.now(timezone.utc)
        self.name = planned.name
        self.id = new_record_id(self.name, now)
        self.created = now.isoformat(timespec="seconds")
        self.host = snapshot(bench.host)
        self.model = inputs.model
        self.data = inputs.data
        self.engine = inputs.engine_info
        self.limit = inputs.limit
        self.invocation = bench.invocation
        self.evidence: Evidence | None = None
        self.workers: tuple[WorkerReport, ...] = ()
        self.samples: Samples | None = None
        self.predictions: Predictions | None = None
        self.loadgen: LoadgenResult | None = None
        self.lost_cpu_share: float | None = None
        self.others_cpus: float | None = None
        self.gpus: tuple[GpuReport, ...] = ()
        self.energy: Energy | None = None
        self.canary: Canary | None = None
        self.notices: list[Notice] = [*planned.notices, *inputs.notices, *bench.findings]
        self.planned = planned
        self._progress = bench.progress

    def became(self, field: str, value: int, why: str) -> None:
        """Notes that a field of the case was not run as planned."""
        self.planned = self.planned.became(why, **{field: value})

    def warn(self, notices: Iterable[Notice]) -> None:
        """Notes each notice, and tells it the user, once."""
        for notice in notices:
            if notice not in self.notices:
                self._progress.warn(notice)
                self.notices.append(notice)

    def note_evidence(self, evidence: Evidence) -> None:
        """Keeps what the kernel log showed; says where it leaves a measured peak without a use."""
        self.evidence = evidence
        timed = self.planned.case.mode != "accuracy"
        if timed and self.limit is not None and evidence.gop_per_image is None:
            why = f"the kernels of {self.engine.name} do not show in what shapes they computed"
            if (notice := no_share_of_peak(why)) not in self.notices:
                self.notices.append(notice)

    def keep_predictions(self, predictions: Predictions) -> None:
        """Keeps what each picture was taken for; warns where the weights cannot mean it."""
        from r50bench.measure.label_orders import implausible_accuracy  # only accuracy has them

        self.predictions = predictions
        if notice := implausible_accuracy(predictions, self.model.weights):
            self.warn([notice])

    def note_contention(self, rounds: Sequence[Sequence[Watched]]) -> None:
        """Notes how long the instances waited for their CPUs; warns where it was long."""
        self.lost_cpu_share = lost_cpu_share(rounds)
        self.others_cpus = others_cpus(rounds)
        cores = self.host.get("cores_in_machine")
        assert isinstance(cores, int)
        found = (disturbance(self.lost_cpu_share), neighbours(self.others_cpus, cores))
        self.warn(notice for notice in found if notice)

    def note_cores(self, speeds: FullSpeeds | None) -> None:
        """Notes what is known of the cores' full speed; warns where they were often slower.

        ``speeds`` is what this host knows of it, and learns from this run. Without such a warning,
        warns where an instance's batches differ more than those of a machine at rest do.
        """
        if self.samples is None:
            return
        slow = None
        if self.canary is not None and self.canary.cpus:
            from r50bench.results.undisturbed import core_states, slow_cores

            case, cores = self.planned.case, self.canary.cpus
            if speeds is not None:
                self.canary = replace(self.canary, known_ns=speeds.known(case, cores))
            states = core_states(self.samples, self.canary.known_by_instance)
            slow = None if states is None else slow_cores(self.samples, states)
            if speeds is not None and states is not None:
                with contextlib.suppress(R50BenchError):  # a cache that is full costs no run
                    speeds.learn(case, cores, states.full_speed_ns)
        self.warn(notice for notice in [slow or unevenness(slowdown(self.samples))] if notice)

    def write(self, folder: Path, error: RunFailed | None) -> Record:
        """Writes samples, predictions and last the record, which vouches for them."""
        sha256 = predictions_sha256 = None
        if self.samples is not None:
            sha256 = write_samples(self.samples, folder / SAMPLES_FILE)
        if self.predictions is not None:
            from r50bench.results.predictions import PREDICTIONS_FILE, write_predictions

            predictions_sha256 = write_predictions(self.predictions, folder / PREDICTIONS_FILE)
        planned = self.planned
        record = Record(
            id=self.id,
            created=self.created,
            status="invalid" if error else "valid",
            reason=error.message if error else None,
            r50bench_version=__version__,
            case=planned.case,
            request=dict(planned.request),
            load=planned.load,
            host=self.host,
            placement=planned.placement,
            model=self.model,
            data=self.data,
            engine=self.engine,
            evidence=self.evidence,
            workers=self.workers,
            accuracy=Accuracy(*self.predictions.counts()) if self.predictions else None,
            samples_sha256=sha256,
            notices=tuple(self.notices),
            loadgen=self.loadgen,
            limit=self.limit,
            lost_cpu_share=self.lost_cpu_share,
            others_cpus=self.others_cpus,
            gpus=self.gpus,
            energy=self.energy,
            predictions_sha256=predictions_sha256,
            invocation=self.invocation,
            canary=self.canary,
        )
        write_record(record, folder)
        return record


def leave_record(draft: RecordDraft, folder: RunFolder, error: RunFailed | None) -> Outcome:
    """Writes the record, invalid where there is an ``error``, and gives the folder its name.

    Its KPI block lies beside it, as ``kpi.txt``.
    """
    record = draft.write(folder.path, error)
    block = kpi_block(record, draft.samples)
    write_text_atomically(folder.path / "kpi.txt", f"{block_text(block)}\n")
    return Outcome(folder.keep(), record, draft.samples, block, error)


class RunFolder:
    """A context giving the folder to write to; it is removed unless :meth:`keep` was called.

    So is the folder around it if it was made for it and is empty. While it is being filled it is
    locked, so that what a killed run left can be told from the work of a living one, and swept.
    """

    def __init__(self, out: Path, record_id: str) -> None:
        self.final = out / record_id
        self.path = out / f"{_UNFINISHED}{record_id}"

    def __enter__(self) -> RunFolder:
        self._alone = not self.final.parent.exists()
        try:
            self.path.mkdir(parents=True)
            self._hold = Hold(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                self.path.rmdir()
            raise self._refused(error) from None
        _sweep(self.final.parent)
        return self

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What is to be said of the file system that the folder lies on."""
        return self._hold.notices()

    def _refused(self, error: OSError) -> UsageError | RunFailed:
        if is_disk_full(error):
            return RunFailed(
                f"the disk is full: {self.path} was not made",
                hint="free some space there, or name another place with --out DIR",
            )
        return UsageError(
            f"cannot write runs to {self.final.parent}: {reason_of(error)}",
            hint="--out DIR names a folder that can be written",
        )

    def keep(self) -> Path:
        """Gives the folder its final name and returns it."""
        self.path.rename(self.final)
        return self.final

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._hold.release()
        with contextlib.suppress(OSError):  # it holds what was kept, or another's work
            if self._alone:
                self.final.parent.rmdir()


def _sweep(out: Path) -> None:
    """Removes what runs that were killed left in ``out``."""
    for left in out.glob(f"{_UNFINISHED}*"):
        with contextlib.suppress(OSError, Busy):
            # One that was made this minute may not have its lock yet.
            if time.time() - left.stat().st_mtime > _YOUNG_S:
                with Hold(left) as hold:
                    if hold.left_by_the_dead(left):
                        shutil.rmtree(left, ignore_errors=True)
