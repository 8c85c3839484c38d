"""Lists of labels beside pictures: val_map.txt, the devkit's ground truth, Kaggle's solution.

Whoever wrote them, they are text with a line a picture. What else differs is borne with: a
byte-order mark, UTF-16, line ends of other systems, commas for blanks, a line of headings.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from r50bench.assets.wnids import DEVKIT_ORDER, WNIDS
from r50bench.errors import UsageError
from r50bench.results.files import open_regular

__all__ = [
    "GROUND_TRUTH",
    "LAYOUTS",
    "MAPS",
    "SOLUTION",
    "Line",
    "label_of",
    "labels_by_stem",
    "lines_of",
]

MAPS = ("val_map.txt", "val_map.csv", "val.txt")
"""Names of lists of 'path label', the surest first."""

GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
"""The devkit's list: a line for each of the 50,000, with its class in the devkit's own order."""

SOLUTION = "LOC_val_solution.csv"
"""Kaggle's list: a picture's stem, then its wnid and boxes."""

LAYOUTS = (
    "a data set is a folder with val/<wnid>/*.JPEG or <wnid>/*.JPEG (class indices will do for"
    f" wnids), or with any files and a {MAPS[0]} of lines 'path label', the label a number or a"
    f" wnid, or with ImageNet's own files and {GROUND_TRUTH} or {SOLUTION}"
)

_MOST_BYTES = 64 << 20  # 50,000 lines are 2 MB
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE = re.compile(r"(?P<name>.*[^\s,;])[\s,;]+(?P<label>[^\s,;]+)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,3}", re.ASCII)
_LABELS = {wnid: label for label, wnid in enumerate(WNIDS)}
_HEADINGS = frozenset(
    {"label", "labels", "class", "class_id", "classid", "target", "wnid", "synset"}
)


@dataclass(frozen=True)
class Line:
    """A line of a list. ``where`` is ``file:number``, for messages."""

    where: str
    name: str
    label: int


def lines_of(path: Path) -> Iterator[Line]:
    """Yields what a list of 'path label' says, in its order.

    Raises:
        UsageError: a line is none, or its label is none of ImageNet's; or it is no regular file.
        OSError: the file cannot be read.
    """
    first = True
    for number, text in _numbered(path):
        where = f"{path}:{number}"
        match = _LINE.fullmatch(text)
        if match is None:
            raise UsageError(f"{where}: {text!r} is not 'path label'", hint=LAYOUTS)
        name, label = match["name"], match["label"].strip("\"'")
        if not (first and label.lower() in _HEADINGS):
            yield Line(where, name.strip("\"'"), label_of(label, where))
        first = False


def label_of(text: str, where: str) -> int:
    """Returns the label that a number or a wnid stands for; ``where`` is for the message.

    Raises:
        UsageError: it is neither.
    """
    label = _LABELS.get(text)
    if label is None and _NUMBER.fullmatch(text):
        label = int(text)
    if label is None:
        hint = f"a label is a number from 0 to {len(WNIDS) - 1} or one of ImageNet's 1,000 wnids"
        if text == str(len(WNIDS)):
            hint += "; if this list counts from 1, take 1 off each"
        raise UsageError(f"{where}: {text!r} is no label", hint=hint)
    return label


def labels_by_stem(path: Path) -> dict[str, int]:
    """Returns the labels that the devkit's list or Kaggle's gives, by the stems of file names.

    Raises:
        UsageError: a line is not what such a list holds, or it is no regular file.
        OSError: the file cannot be read.
    """
    return dict(_solution(path) if path.name == SOLUTION else _ground_truth(path))


def _ground_truth(path: Path) -> Iterator[tuple[str, int]]:
    for picture, (number, text) in enumerate(_numbered(path), start=1):
        if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) or not 1 <= int(text) <= len(WNIDS):
            raise UsageError(
                f"{path}:{number}: {text!r} is no class of the devkit",
                hint=f"each line is a number from 1 to {len(WNIDS)}, for one picture",
            )
        yield f"ILSVRC2012_val_{picture:08}", DEVKIT_ORDER[int(text) - 1]


def _solution(path: Path) -> Iterator[tuple[str, int]]:
    for number, text in _numbered(path):
        stem, _, boxes = (part.strip('"') for part in text.partition(","))
        words = boxes.split()
        if words and stem != "ImageId":
            yield stem, label_of(words[0], f"{path}:{number}")


def _numbered(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the number of every line that is not blank, and the line without blanks around it."""
    text = _decoded(path)
    lines = (text if "\n" in text else text.replace("\r", "\n")).split("\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line.strip()


def _decoded(path: Path) -> str:
    with open_regular(path) as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise UsageError(
            f"{path} has more than {_MOST_BYTES >> 20} MB: it is no list of labels", hint=LAYOUTS
        )
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(
                encoding, "surrogateescape" if encoding == "utf-8" else "replace"
            )
    upper = data[1:64:2]
    if upper.count(0) > len(upper) // 2:
        return data.decode("utf-16-le", "replace")  # PowerShell's, without its mark
    return data.decode("utf-8", "surrogateescape")
