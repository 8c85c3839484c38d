"""The folder of a sweep: its plan, written once, and a record for each finished measurement.

    FOLDER/sweep.json          the plan
    FOLDER/<record id>/        one for each pass of each point

A measurement is done when its record is there, and a record's folder appears by one rename: so a
sweep that was killed at any moment is resumed without losing or repeating any. The pass need not be
known: a point that has two records lacks the passes from the third on. A run that is damaged since
is put aside, as ``FOLDER/.damaged-ID``, and measured again.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from r50bench.case import Case
from r50bench.errors import R50BenchError, RunFailed, UsageError, reason_of
from r50bench.notices import Notice
from r50bench.results.files import (
    Busy,
    Hold,
    checked_json,
    is_disk_full,
    read_bounded,
    to_json,
    write_atomically,
)
from r50bench.results.record import RECORD_FILE
from r50bench.results.samples import read_measured
from r50bench.results.schema import bring_up_to, case_of_2, notices_of_2, request_of_2
from r50bench.sweep.plan import SCHEMA_VERSION, SweepPlan
from r50bench.sweep.results import Run

__all__ = ["PLAN_FILE", "Damaged", "SweepFolder", "read_plan"]

PLAN_FILE = "sweep.json"


class SweepFolder:
    """A sweep's folder, held by this process until the context of :meth:`opened` is left."""

    def __init__(self, path: Path, plan: SweepPlan) -> None:
        self.path = path
        self.plan = plan

    @classmethod
    @contextlib.contextmanager
    def opened(cls, path: Path, plan: SweepPlan) -> Iterator[SweepFolder]:
        """Makes the folder for ``plan``, or opens the one that holds this very plan already.

        Raises:
            UsageError: it holds another sweep or other things, it cannot be written, another
                process works in it, or host or versions have changed since it was begun.
        """
        _make(path)
        with _held(path):
            if (path / PLAN_FILE).exists():
                _refuse_changes(path, read_plan(path), plan)
            elif any(path.iterdir()):
                raise UsageError(
                    f"{path} is not empty and holds no sweep", hint="--out DIR names a new folder"
                )
            else:
                _write_plan(path, plan)
            yield cls(path, plan)

    def runs(self) -> tuple[dict[Case, list[Run]], list[Damaged]]:
        """Returns the valid runs by case, each case's in the order of time, and the damaged."""
        found: dict[Case, list[Run]] = defaultdict(list)
        damaged = []
        for folder in sorted(file.parent for file in self.path.glob(f"[!.]*/{RECORD_FILE}")):
            try:
                record, samples = read_measured(folder)
                if record.status == "valid":
                    found[record.case].append((record, samples, folder))
            except R50BenchError as error:
                damaged.append(Damaged(folder, error.message))
        return dict(found), damaged


@dataclass(frozen=True)
class Damaged:
    """The folder of a run whose record, or samples, cannot be read, and why."""

    folder: Path
    why: str

    def put_aside(self) -> Notice:
        """Hides the folder from the sweep, which measures the point again; deletes nothing."""
        aside = self.folder.with_name(f".damaged-{self.folder.name}")
        try:
            self.folder.rename(aside)
            kept = f"it is kept as {aside}"
        except OSError as error:
            kept = f"it stays where it is ({reason_of(error)})"
        text = f"{self.folder} is damaged, and its point is measured again: {self.why}; {kept}"
        return Notice("damaged-run", text)


def read_plan(path: Path) -> SweepPlan:
    """Returns the plan of the sweep in ``path``.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    try:
        raw = checked_json(read_bounded(path / PLAN_FILE), dict[str, Any])
        return msgspec.convert(bring_up_to(SCHEMA_VERSION, raw, {2: _update_to_2}), SweepPlan)
    except UsageError as error:
        raise UsageError(f"{path / PLAN_FILE}: {error.message}", hint=error.hint) from None
    except FileNotFoundError:
        raise UsageError(
            f"{path} holds no sweep: there is no {PLAN_FILE}",
            hint="name a folder that 'r50bench sweep' wrote",
        ) from None
    except (ValueError, TypeError, AttributeError) as error:  # also what brings it up to date
        raise UsageError(
            f"{path / PLAN_FILE} is damaged: {error}", hint="begin a new sweep"
        ) from None


def _update_to_2(raw: dict[str, Any]) -> dict[str, Any]:
    """As that of records, in the effective case of every point."""
    points = raw.get("points")
    if not isinstance(points, list):
        return raw
    return {**raw, "points": [_point_of_2(point) for point in points]}


def _point_of_2(point: Any) -> Any:
    effective = point.get("effective") if isinstance(point, dict) else None
    if not isinstance(effective, dict):
        return point
    case, request = effective.get("case"), effective.get("request")
    if not isinstance(case, dict) or not isinstance(request, dict):
        return point
    case = case_of_2(case)
    new = {**effective, "case": case, "request": request_of_2(request, case)}
    new["notices"] = notices_of_2(new.pop("notes", []))
    return {**point, "effective": new}


def _write_plan(path: Path, plan: SweepPlan) -> None:
    text = to_json(plan, indent=1)
    write_atomically(path / PLAN_FILE, text + b"\n")


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if is_disk_full(error):
            raise RunFailed(
                f"the disk is full: {path} was not made", hint="free some space"
            ) from None
        raise UsageError(
            f"cannot write the sweep to {path}: {reason_of(error)}",
            hint="--out DIR names a folder that can be written",
        ) from None


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """Holds the folder; the kernel lets go of it when the process ends, however it ends."""
    try:
        hold = Hold(path)
    except Busy:
        raise UsageError(
            f"another process is at work on the sweep in {path}", hint="wait for it, or end it"
        ) from None
    with hold:
        yield


def _refuse_changes(path: Path, kept: SweepPlan, plan: SweepPlan) -> None:
    elsewhere = "--out DIR names a new folder, and so begins a new sweep"
    if kept.host != plan.host:
        was, now = kept.host.get("model_name"), plan.host.get("model_name")
        raise UsageError(
            f"the sweep in {path} was begun on another host or other CPUs of it ({was}; now {now})",
            hint=f"resume it there; {elsewhere}",
        )
    for package, version in plan.versions.items():
        if (before := kept.versions.get(package)) != version:
            raise UsageError(
                f"the sweep in {path} was begun with {package} {before}, and now it is {version}:"
                " their figures may not stand in one table",
                hint=f"install {package} {before} again; {elsewhere}",
            )
    if kept != plan:
        raise UsageError(f"{path} holds another sweep", hint=elsewhere)
