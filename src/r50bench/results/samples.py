"""The raw samples of a session: one row per timed batch, as the instances stamped them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from r50bench.errors import RunFailed, UsageError
from r50bench.results.files import read_bounded, write_atomically
from r50bench.results.record import Record, read_record

__all__ = [
    "SAMPLES_FILE",
    "UNKNOWN_NS",
    "Integers",
    "Samples",
    "read_measured",
    "read_samples",
    "samples_of",
    "write_samples",
]

Integers = npt.NDArray[np.int64]

SAMPLES_FILE = "samples.csv"
"""The name of the samples' file in a record's folder."""


UNKNOWN_NS = -1
"""Stands for a time that nobody measured, in the columns that not every run has."""

_MOST_BYTES = 2 << 30
"""A row is some 70 bytes: 10,000 steps of 100 instances in 30 rounds."""

_BY_CANARY = ("canary_ns", "waited_ns")


def _nobody_looked() -> Integers:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Samples:
    """One entry per timed batch, ordered by instance, round and step; int64 arrays of one length.

    ``start_ns`` and ``end_ns`` are stamps of one monotonic clock shared by all instances, taken
    right before and right after the batch; ``images`` is the number of pictures in it. Rows may be
    given in any order.

    ``canary_ns`` is what the canary's known work took on the slowest core of the instance, the
    slower of the looks before and after the batch; ``waited_ns`` how long, between these looks, a
    thread of the instance was ready and had no CPU. They are :data:`UNKNOWN_NS` where that was not
    measured, and need not be given where it never was.

    Raises:
        RunFailed: the arrays do not describe a run: lengths differ, a batch ends before it starts,
            batches of one instance overlap, a step occurs twice, an instance is missing from a
            round, or a batch is empty.
    """

    round: Integers
    instance: Integers
    step: Integers
    start_ns: Integers
    end_ns: Integers
    images: Integers
    canary_ns: Integers = field(default_factory=_nobody_looked)
    waited_ns: Integers = field(default_factory=_nobody_looked)

    def __post_init__(self) -> None:
        for name in _BY_CANARY:
            if np.size(getattr(self, name)) == 0:
                object.__setattr__(self, name, np.full(np.shape(self.step), UNKNOWN_NS))
        columns = {column.name: np.asarray(getattr(self, column.name)) for column in fields(self)}
        _check_columns(columns)
        order = np.lexsort((columns["step"], columns["round"], columns["instance"]))
        for name, values in columns.items():
            ordered = values.astype(np.int64)[order]
            ordered.flags.writeable = False
            object.__setattr__(self, name, ordered)
        _check_batches(self)
        _check_rounds(self)

    def __len__(self) -> int:
        return len(self.step)

    @property
    def latency_ns(self) -> Integers:
        """(batches,): how long each batch took, in ns."""
        return self.end_ns - self.start_ns

    @property
    def looked_at(self) -> bool:
        """Whether a canary looked at the cores around any batch."""
        return bool(np.any(self.canary_ns != UNKNOWN_NS))

    @property
    def instances(self) -> Integers:
        """(instances,): the numbers that occur, ascending."""
        return np.unique(self.instance)

    @property
    def rounds(self) -> Integers:
        """(rounds,): the numbers that occur, ascending."""
        return np.unique(self.round)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Samples:
        """Returns the rows for which ``chosen`` (one bool per row) is true."""
        return Samples(*(getattr(self, column.name)[chosen] for column in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Samples]) -> Samples:
        """Returns the rows of all ``parts`` together, such as those of several workers."""
        names = [column.name for column in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    @classmethod
    def one_after_another(cls, parts: Sequence[Samples]) -> Samples:
        """Returns the rows of all ``parts`` as if one process had done all their rounds in turn.

        Their clocks may be of different boots: each part is moved to just behind the one before.
        All have the same number of instances.
        """
        moved, rounds, clock = [], 0, 0
        for part in parts:
            shift = clock - int(np.min(part.start_ns))
            moved.append(
                replace(
                    part,
                    round=part.round + (rounds - int(np.min(part.round))),
                    start_ns=part.start_ns + shift,
                    end_ns=part.end_ns + shift,
                )
            )
            rounds, clock = int(moved[-1].round.max()) + 1, int(moved[-1].end_ns.max())
        return cls.joined(moved)


def write_samples(samples: Samples, path: Path) -> str:
    """Writes the samples as CSV and returns the file's sha256.

    The canary's columns are there where it looked.
    """
    text = BytesIO()
    names = _columns(canary=samples.looked_at)
    text.write(_header(names) + b"\n")
    table = np.column_stack([getattr(samples, name) for name in names])
    np.savetxt(text, table, fmt="%d", delimiter=",")
    data = text.getvalue()
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def read_samples(path: Path, sha256: str | None = None) -> Samples:
    """Reads what :func:`write_samples` wrote; with ``sha256``, only the very same bytes.

    Raises:
        UsageError: there is no such file, or it is none that samples can be in.
        RunFailed: it is damaged, cut short, not the file of that hash, or describes no run; or the
            system refuses it.
    """
    try:
        data = read_bounded(path, _MOST_BYTES)
    except FileNotFoundError as error:
        raise UsageError(
            f"cannot read the samples {path}: there is no such file",
            hint="copy the record's folder whole",
        ) from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise _damaged(path, "its sha256 is not the one in the record")
    header, newline, body = data.partition(b"\n")
    known = {_header(names): names for names in (_columns(canary=False), _columns(canary=True))}
    names = known.get(header)
    if names is None or not newline:
        raise _damaged(
            path, f"its first line is not {' or '.join(repr(one.decode()) for one in known)}"
        )
    if not body.endswith(b"\n"):
        raise _damaged(path, "it holds no rows" if not body else "its last line is cut short")
    try:
        table = np.loadtxt(BytesIO(body), dtype=np.int64, delimiter=",", comments=None, ndmin=2)
    except (ValueError, OverflowError) as error:
        raise _damaged(path, str(error)) from error
    if table.shape[1] != len(names):
        raise _damaged(path, f"its rows have {table.shape[1]} columns")
    try:
        return Samples(*table.T)
    except RunFailed as error:
        raise _damaged(path, error.message) from error


def samples_of(record: Record, folder: Path) -> Samples | None:
    """Returns a record's samples, None where nothing was timed.

    They are checked against their hash, and so are the predictions, whose counts the record has.

    Raises:
        UsageError: a file of the record's is missing.
        RunFailed: one is damaged or not the record's.
    """
    if record.predictions_sha256 is not None:
        from r50bench.results.predictions import check_predictions  # only accuracy has them

        check_predictions(record, folder)
    if record.samples_sha256 is None:
        return None
    return read_samples(folder / SAMPLES_FILE, record.samples_sha256)


def read_measured(folder: Path) -> tuple[Record, Samples | None]:
    """Returns the record in ``folder``, or in the record.json given itself, with its samples.

    None in their place where it timed nothing, or is invalid: what such a run left tells nothing.

    Raises:
        UsageError: there is no record, it cannot be read, or a file of it is missing.
        RunFailed: its samples or predictions are damaged, or the system refuses a file.
    """
    record = read_record(folder)
    return record, samples_of(record, folder) if record.status == "valid" else None


def _columns(*, canary: bool) -> tuple[str, ...]:
    names = tuple(column.name for column in fields(Samples))
    return names if canary else tuple(name for name in names if name not in _BY_CANARY)


def _header(names: Sequence[str]) -> bytes:
    return ",".join(names).encode()


def _damaged(path: Path, why: str) -> RunFailed:
    return RunFailed(
        f"the samples {path} are damaged: {why}",
        hint="samples are never edited: take the file from where it was copied, or run again",
    )


def _check_columns(columns: dict[str, npt.NDArray[np.generic]]) -> None:
    for name, values in columns.items():
        if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
            raise RunFailed(
                f"samples: {name} is no row of integers but {values.dtype} {values.shape}"
            )
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise RunFailed(f"samples: the columns differ in length: {lengths}")
    if lengths["step"] == 0:
        raise RunFailed("samples: nothing was timed")


def _check_batches(samples: Samples) -> None:
    for wrong, what in (
        (samples.end_ns < samples.start_ns, "ends before it starts"),
        (samples.images < 1, "holds no picture"),
        (samples.canary_ns < UNKNOWN_NS, "has a canary that took less than no time"),
        (samples.waited_ns < UNKNOWN_NS, "waited for less than no time"),
    ):
        if wrong.any():
            raise RunFailed(f"samples: {_place(samples, int(wrong.argmax()))} {what}")
    same_instance = np.diff(samples.instance) == 0
    same_round = same_instance & (np.diff(samples.round) == 0)
    twice = same_round & (np.diff(samples.step) == 0)
    if twice.any():
        raise RunFailed(f"samples: {_place(samples, int(twice.argmax()))} occurs twice")
    overlaps = same_instance & (samples.start_ns[1:] < samples.end_ns[:-1])
    if overlaps.any():
        place = _place(samples, int(overlaps.argmax()) + 1)
        raise RunFailed(f"samples: {place} starts before the batch before it has ended")


def _check_rounds(samples: Samples) -> None:
    for number in samples.rounds:
        present = np.unique(samples.instance[samples.round == number])
        missing = np.setdiff1d(samples.instances, present)
        if len(missing):
            raise RunFailed(f"samples: instance {missing[0]} is missing from round {number}")


def _place(samples: Samples, row: int) -> str:
    return (
        f"step {samples.step[row]} of instance {samples.instance[row]}"
        f" in round {samples.round[row]}"
    )
