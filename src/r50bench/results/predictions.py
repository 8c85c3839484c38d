"""What each picture was taken for: predictions.csv beside an accuracy record."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from r50bench.errors import RunFailed, UsageError
from r50bench.results.files import read_bounded, write_text_atomically
from r50bench.results.record import Accuracy, Record

__all__ = ["PREDICTIONS_FILE", "Predictions", "check_predictions", "write_predictions"]

PREDICTIONS_FILE = "predictions.csv"
"""The name of the predictions' file in a record's folder."""

_MOST_BYTES = 1 << 30

_KEPT = 5
_HEADER = ("picture", "label", "top1", "top2", "top3", "top4", "top5")


@dataclass(frozen=True)
class Predictions:
    """Names, labels and the five likeliest classes (likeliest first), one of each a picture.

    Where only the likeliest is known, ``top5`` holds that one alone for every picture.
    """

    names: tuple[str, ...]
    labels: tuple[int, ...]
    top5: tuple[tuple[int, ...], ...]

    def counts(self) -> tuple[int, int, int | None]:
        """Returns (pictures, right in the first place, right among the five or None)."""
        pairs = list(zip(self.labels, self.top5, strict=True))
        good = sum(label == row[0] for label, row in pairs)
        good5 = sum(label in row for label, row in pairs)
        return len(pairs), good, good5 if all(len(row) == _KEPT for _, row in pairs) else None


def write_predictions(predictions: Predictions, path: Path) -> str:
    """Writes one line a picture, in the order of the data set; returns the sha256 of the bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for name, label, row in zip(
        predictions.names, predictions.labels, predictions.top5, strict=True
    ):
        writer.writerow((name, label, *row, *[""] * (_KEPT - len(row))))
    lines = text.getvalue()
    write_text_atomically(path, lines)
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


def check_predictions(record: Record, folder: Path) -> None:
    """Holds a record's accuracy to the predictions in its folder, of which it has the sha256.

    Raises:
        UsageError: they are not there.
        RunFailed: they are not those that were written, or give another accuracy.
    """
    path = folder / PREDICTIONS_FILE
    try:
        data = read_bounded(path, _MOST_BYTES)
    except FileNotFoundError:
        raise UsageError(
            f"cannot read the predictions {path}: there is no such file",
            hint="copy the record's folder whole",
        ) from None
    if hashlib.sha256(data).hexdigest() != record.predictions_sha256:
        raise _damaged(path, "its sha256 is not the one in the record")
    counts = _counts_in(data, path)
    if record.accuracy != counts:
        raise _damaged(path, f"it counts {counts}, and the record {record.accuracy}")


def _counts_in(data: bytes, path: Path) -> Accuracy:
    rows = csv.reader(io.StringIO(data.decode(errors="surrogateescape")))
    try:
        if tuple(next(rows)) != _HEADER:
            raise _damaged(path, f"its first line is not {','.join(_HEADER)!r}")
        named = [(name, int(label), [int(one) for one in top if one]) for name, label, *top in rows]
    except (ValueError, StopIteration, csv.Error) as error:
        raise _damaged(path, f"a line is no prediction: {error}") from error
    names, labels, top5 = zip(*named, strict=True) if named else ((), (), ())
    return Accuracy(*Predictions(names, labels, tuple(map(tuple, top5))).counts())


def _damaged(path: Path, why: str) -> RunFailed:
    return RunFailed(
        f"the predictions {path} are damaged: {why}",
        hint="they are never edited: take the file from where it was copied, or run again",
    )
