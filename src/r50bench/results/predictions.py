"""What each picture was taken for: predictions.csv beside an accuracy record."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from r50bench.results.atomic import write_text_atomically

__all__ = ["Predictions", "write_predictions"]

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


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Writes one line a picture, in the order of the data set."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for name, label, row in zip(
        predictions.names, predictions.labels, predictions.top5, strict=True
    ):
        writer.writerow((name, label, *row, *[""] * (_KEPT - len(row))))
    write_text_atomically(path, text.getvalue())
