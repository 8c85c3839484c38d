"""The record of one run while it is being found out, and the folder it is left in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from r50bench import __version__
from r50bench.case import Case, Sourced
from r50bench.errors import RunFailed
from r50bench.host.snapshot import snapshot
from r50bench.load import Load, Steps
from r50bench.measure.bench import Bench
from r50bench.measure.inputs import Ingredients
from r50bench.measure.protocol import Watched
from r50bench.measure.run_folder import RunFolder
from r50bench.measure.worker_answers import lost_cpu_share
from r50bench.notices import Notice
from r50bench.placement import Placement
from r50bench.planning.effective_case import EffectiveCase
from r50bench.progress import Progress
from r50bench.report.kpi_block import block_text, kpi_block
from r50bench.results.atomic import write_atomically
from r50bench.results.disturbance import disturbance
from r50bench.results.predictions import Predictions, write_predictions
from r50bench.results.record import Accuracy, Record, new_record_id, write_record
from r50bench.results.samples import SAMPLES_FILE, Samples, write_samples

__all__ = ["Draft", "Outcome", "PlannedCase", "keep_record", "leave_record"]


@dataclass(frozen=True)
class PlannedCase:
    """An effective case and where its instances go."""

    effective: EffectiveCase
    placement: Placement

    @property
    def case(self) -> Case:
        """The case itself."""
        return self.effective.case


@dataclass(frozen=True)
class Outcome:
    """What a session left behind. ``error`` is None for a valid record."""

    folder: Path
    record: Record
    samples: Samples | None
    error: RunFailed | None


class Draft:
    """What is known so far of one run, valid or not; ``name`` is what its id is made from."""

    def __init__(
        self,
        planned: PlannedCase,
        bench: Bench,
        ingredients: Ingredients,
        name: str,
        load: Load,
    ) -> None:
        now = datetime.now(timezone.utc)
        self.name = name
        self.id = new_record_id(name, now)
        self.samples: Samples | None = None
        self.predictions: Predictions | None = None
        self.notices = [
            *planned.effective.notices,
            *ingredients.notices,
            *bench.findings,
        ]
        self.fields: dict[str, Any] = {
            "id": self.id,
            "created": now.isoformat(timespec="seconds"),
            "r50bench_version": __version__,
            "case": planned.case,
            "request": planned.effective.request,
            "load": load,
            "host": snapshot(bench.host),
            "placement": planned.placement,
            "model": ingredients.model,
            "data": ingredients.data,
            "engine": ingredients.engine_info,
            "limit": ingredients.limit,
        }

    def became(self, field: str, value: int, why: str) -> None:
        """Notes that a field of the case was not run as planned."""
        self.fields["case"] = replace(self.fields["case"], **{field: value})
        if isinstance(self.fields["load"], Steps):
            case = self.fields["case"]
            self.fields["load"] = Steps(case.steps or 0, case.repeat)
        self.fields["request"] = {**self.fields["request"], field: Sourced(value, why)}

    def warn(self, notices: Iterable[Notice], progress: Progress) -> None:
        """Notes each notice, and tells it the user, once."""
        for notice in notices:
            if notice not in self.notices:
                progress.warn(notice)
                self.notices.append(notice)

    def note_contention(self, rounds: Sequence[Sequence[Watched]], progress: Progress) -> None:
        """Notes how long the instances waited for their CPUs; warns where it was long."""
        share = lost_cpu_share(rounds)
        self.fields["lost_cpu_share"] = share
        if notice := disturbance(share):
            self.warn([notice], progress)

    def write(self, folder: Path, error: RunFailed | None) -> Record:
        """Writes samples, predictions and last the record, which vouches for them."""
        if self.samples is not None:
            self.fields["samples_sha256"] = write_samples(self.samples, folder / SAMPLES_FILE)
        if self.predictions is not None:
            write_predictions(self.predictions, folder / "predictions.csv")
            self.fields["accuracy"] = Accuracy(*self.predictions.counts())
        record = Record(
            **self.fields,
            status="invalid" if error else "valid",
            reason=error.message if error else None,
            notices=tuple(self.notices),
        )
        write_record(record, folder)
        return record


def keep_record(draft: Draft, out: Path, work: Callable[[Path], None]) -> Outcome:
    """Has ``work`` fill ``draft`` and a folder below ``out``, and leaves the record there.

    Where ``work`` raises RunFailed the record is invalid and says why; whatever else it raises
    leaves nothing.

    Raises:
        UsageError: ``out`` cannot be written.
    """
    with RunFolder(out, draft.id) as folder:
        error: RunFailed | None = None
        try:
            work(folder.path)
        except RunFailed as failure:
            error = failure
        return leave_record(draft, folder, error)


def leave_record(draft: Draft, folder: RunFolder, error: RunFailed | None) -> Outcome:
    """Writes the record, invalid where there is an ``error``, and gives the folder its name.

    Its KPI block lies beside it, as ``kpi.txt``.
    """
    record = draft.write(folder.path, error)
    block = block_text(kpi_block(record, draft.samples)) + "\n"
    write_atomically(folder.path / "kpi.txt", block.encode())
    return Outcome(folder.keep(), record, draft.samples, error)
