"""The folders that ImageNet's validation set is found in: which files are its pictures, and labels.

Folders by wnid or by class index, any files with a list of labels, ImageNet's flat files with the
devkit's or Kaggle's list, or with the wnid in their names. Hidden files are nobody's pictures:
``._a.JPEG`` is what macOS leaves beside ``a.JPEG``.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from r50bench.assets.label_lists import (
    GROUND_TRUTH,
    LAYOUTS,
    MAPS,
    SOLUTION,
    Line,
    labels_by_stem,
    lines_of,
)
from r50bench.assets.wnids import WNIDS
from r50bench.errors import AssetError, UsageError, reason_of
from r50bench.notices import Notice, Progress
from r50bench.wording import counted, first_few

__all__ = ["Found", "Picture", "find_pictures", "reading", "unpack_hint"]

_SUFFIXES = frozenset(
    (".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
)
_PLACES = (
    "val",
    "validation",
    "valid",
    "ILSVRC2012_img_val",
    "ILSVRC/Data/CLS-LOC/val",
    "Data/CLS-LOC/val",
    "CLS-LOC/val",
    "images/val",
)
_LISTS_NEAR = ("", "data", "ILSVRC2012_devkit_t12/data", "devkit/data", "caffe_ilsvrc12")
_LEVELS = 4  # from ILSVRC/Data/CLS-LOC/val up to where Kaggle's list lies
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip", ".parquet", ".tfrecord", ".rec")
_WNID = re.compile(r"n[0-9]{8}(?![0-9])", re.ASCII | re.IGNORECASE)
_INDEX = re.compile(r"[0-9]{1,4}", re.ASCII)
_LABELS = {wnid: label for label, wnid in enumerate(WNIDS)}
_NOT_DATA = ("__MACOSX", "@eaDir", "lost+found")


@dataclass(frozen=True)
class Picture:
    """One labelled file. ``name`` is its path relative to the root, ``label`` 0 to 999."""

    path: Path
    name: str
    label: int


@dataclass(frozen=True)
class Found:
    """The pictures of a folder in a fixed order, and the names that a list has and nobody else."""

    pictures: tuple[Picture, ...]
    absent: tuple[str, ...] = ()


@dataclass
class _Files:
    """The files below a folder: pictures by the folder just below it that holds them."""

    loose: list[Path] = field(default_factory=list)
    by_folder: dict[Path, list[Path]] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)


def find_pictures(root: Path, progress: Progress) -> Found:
    """Returns the pictures in ``root``, an absolute path, with their labels.

    A list of 'path label' in it decides alone; else they are looked for in the places that archives
    of ImageNet unpack to, and labelled by their folders, by a list nearby, or by their names.

    Raises:
        UsageError: there are no pictures, or their labels do not show or contradict each other.
        AssetError: something may not be read.
    """
    with reading(root):
        if (root / MAPS[0]).is_file():
            return _listed(root / MAPS[0], root, _place(root))
        base = _place(root)
        files = _files_below(base)
        if not files.by_folder and not files.loose:
            raise _no_pictures(root, base)
        found = _labelled(root, base, files, progress)
    if files.others:
        text = (
            f"{counted(len(files.others), 'file')} beside the pictures by their names none:"
            f" {first_few([path.name for path in files.others])}"
        )
        progress.warn(Notice("not-pictures", text))
    return found


@contextmanager
def reading(what: Path) -> Iterator[None]:
    """Names what may not be, or cannot be, read while looking at ``what``.

    Raises:
        AssetError: the system refused to read something.
    """
    try:
        yield
    except OSError as error:
        path = os.fsdecode(error.filename) if error.filename else what
        hint = "check the disk, and that the name is right"
        if isinstance(error, PermissionError):
            hint = "its owner can let you: chmod a+r for a file, a+rx for a folder and all above it"
        raise AssetError(f"cannot read {path}: {reason_of(error)}", hint=hint) from error


def _labelled(root: Path, base: Path, files: _Files, progress: Progress) -> Found:
    if files.by_folder and files.loose:
        raise UsageError(
            f"{base} holds pictures without labels beside folders of labelled ones:"
            f" {first_few([path.name for path in files.loose])}",
            hint=LAYOUTS,
        )
    if files.by_folder:
        return Found(tuple(_by_folder(root, base, files.by_folder, progress)))
    for place in _list_places(root, base):
        for name in MAPS:
            if (place / name).is_file():
                return _listed(place / name, root, base)
    official = _official_list(root, base)
    if official is not None:
        return Found(tuple(_by_stem(root, files.loose, official)))
    return Found(tuple(_by_name(root, base, files.loose)))


def _place(root: Path) -> Path:
    """Returns the folder of the validation set below ``root``, or ``root``."""
    for place in _PLACES:
        if (root / place).is_dir():
            return root / place
    names = {entry.name.lower(): entry.name for entry in os.scandir(root) if entry.is_dir()}
    same = next((names[place] for place in _PLACES if place in names), None)
    return root if same is None else root / same


def _list_places(root: Path, base: Path) -> Iterator[Path]:
    for above in dict.fromkeys((base, root, base.parent)):
        yield from (above / place for place in _LISTS_NEAR)


def _official_list(root: Path, base: Path) -> Path | None:
    above = list(dict.fromkeys((base, root, *base.parents[:_LEVELS])))
    for name in (GROUND_TRUTH, SOLUTION):
        for folder in above:
            for place in _LISTS_NEAR:
                if (folder / place / name).is_file():
                    return folder / place / name
    return None


def _files_below(base: Path) -> _Files:
    files = _Files()
    for entry in sorted(os.scandir(base), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name in _NOT_DATA:
            continue
        path = Path(entry.path)
        if entry.is_dir():
            pictures, others = _split(_walk(path))
            files.others += others
            if pictures:
                files.by_folder[path] = pictures
        elif path.suffix.lower() in _SUFFIXES:
            files.loose.append(path)
    return files


def _walk(folder: Path) -> Iterator[Path]:
    """Yields every file below a folder, through links too, but through none of them twice."""
    seen: set[tuple[int, int]] = set()
    for above, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
        status = os.stat(above)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in _NOT_DATA)
        yield from (Path(above, name) for name in sorted(names) if not name.startswith("."))


def _raise(error: OSError) -> None:
    raise error


def _split(paths: Iterator[Path]) -> tuple[list[Path], list[Path]]:
    pictures: list[Path] = []
    others: list[Path] = []
    for path in paths:
        (pictures if path.suffix.lower() in _SUFFIXES else others).append(path)
    return pictures, others


def _by_folder(
    root: Path, base: Path, by_folder: dict[Path, list[Path]], progress: Progress
) -> Iterator[Picture]:
    names = [folder.name for folder in by_folder]
    if not any(_INDEX.fullmatch(name) or _WNID.search(name) for name in names):
        _refuse_what_lies_deeper(root, by_folder)
    if all(_INDEX.fullmatch(name) for name in names):
        labels = _indices(base, names, progress)
    else:
        labels = {name: _wnid_label(base / name) for name in names}
    for folder in sorted(by_folder, key=lambda folder: (labels[folder.name], folder.name)):
        for path in by_folder[folder]:
            yield Picture(path, path.relative_to(root).as_posix(), labels[folder.name])


def _indices(base: Path, names: list[str], progress: Progress) -> dict[str, int]:
    """Returns labels for folders that are called by class indices, from 0 or from 1."""
    indices = {name: int(name) for name in names}
    beyond = [name for name, index in indices.items() if index > len(WNIDS)]
    from_one = len(WNIDS) in indices.values()
    if beyond or (from_one and 0 in indices.values()):
        name = beyond[0] if beyond else str(len(WNIDS))
        raise UsageError(
            f"{base / name}: {name!r} is no class of ImageNet",
            hint=f"indices go from 0 to {len(WNIDS) - 1}, or from 1 to {len(WNIDS)}",
        )
    if from_one:
        progress.note(f"the folders in {base} are taken as class indices that count from 1")
        return {name: index - 1 for name, index in indices.items()}
    return indices


def _wnid_label(path: Path) -> int:
    known = {wnid for wnid in _WNID.findall(path.name.lower()) if wnid in _LABELS}
    if len(known) == 1:
        return _LABELS[known.pop()]
    raise UsageError(
        f"{path}: {path.name!r} is none of ImageNet's 1,000 wnids, and has none in it", hint=LAYOUTS
    )


def _by_name(root: Path, base: Path, loose: list[Path]) -> Iterator[Picture]:
    unnamed = [path.name for path in loose if not _WNID.search(path.name)]
    if unnamed:
        raise UsageError(
            f"{base} holds pictures without labels: {first_few(unnamed)}",
            hint=f"put {GROUND_TRUTH} (of ILSVRC2012_devkit_t12.tar.gz) beside them; {LAYOUTS}",
        )
    for path in loose:
        yield Picture(path, path.relative_to(root).as_posix(), _wnid_label(path))


def _by_stem(root: Path, loose: list[Path], official: Path) -> Iterator[Picture]:
    labels = labels_by_stem(official)
    unlisted = [path.name for path in loose if path.stem not in labels]
    if unlisted:
        raise UsageError(
            f"{official} has no label for {len(unlisted)} of {counted(len(loose), 'picture')}:"
            f" {first_few(unlisted)}",
            hint="it is for ILSVRC2012_val_00000001.JPEG to ILSVRC2012_val_00050000.JPEG",
        )
    for path in loose:
        yield Picture(path, path.relative_to(root).as_posix(), labels[path.stem])


def _listed(list_file: Path, root: Path, base: Path) -> Found:
    """Returns what a list of 'path label' holds, in its order."""
    places = tuple(dict.fromkeys((list_file.parent, root, base)))
    pictures, absent = [], []
    seen: dict[str, str] = {}
    for line in lines_of(list_file):
        path = _located(line, places)
        name = os.path.normpath(line.name) if path is None else _name_below(path, root)
        if name in seen:
            raise UsageError(
                f"{line.where}: {line.name} is listed twice, first at {seen[name]}",
                hint="list each picture once",
            )
        seen[name] = line.where
        if path is None:
            absent.append(name)
        else:
            pictures.append(Picture(path, name, line.label))
    if not pictures:
        if absent:
            raise UsageError(
                f"none of the pictures that {list_file} lists is there: {first_few(absent)}",
                hint=f"paths are relative to {list_file.parent}",
            )
        raise UsageError(f"no pictures in {list_file}", hint=LAYOUTS)
    return Found(tuple(pictures), tuple(absent))


def _located(line: Line, places: tuple[Path, ...]) -> Path | None:
    for name in dict.fromkeys((line.name, line.name.replace("\\", "/"))):
        for place in places:
            path = Path(os.path.normpath(place / name))
            if _is_file(path):
                return path
    return None


def _name_below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        raise
    except OSError:  # such as a name that is too long
        return False


def _no_pictures(root: Path, base: Path) -> UsageError:
    """Says what is there instead: archives to unpack, or data sets further down."""
    found = sorted(os.scandir(base), key=lambda entry: entry.name)
    archives = [entry.path for entry in found if entry.name.lower().endswith(_ARCHIVES)]
    if archives:
        return UsageError(
            f"no pictures in the data set {root}, but an archive: {Path(archives[0]).name}",
            hint=unpack_hint(Path(archives[0])),
        )
    return UsageError(f"no pictures in the data set {root}", hint=LAYOUTS)


def unpack_hint(archive: Path) -> str:
    """Returns the commands that make a data set of an archive."""
    name, folder = shlex.quote(str(archive)), shlex.quote(str(archive.parent / "val"))
    lower = archive.name.lower()
    if lower.endswith((".tar", ".tgz", ".tar.gz")):
        commands = f"mkdir {folder} && tar -xf {name} -C {folder}"
    elif lower.endswith(".zip"):
        commands = f"unzip -d {folder} {name}"
    else:
        return f"write the pictures out as files first; {LAYOUTS}"
    return (
        f"unpack it, and name the folder: {commands}; the labels of flat files come from"
        f" {GROUND_TRUTH} (of ILSVRC2012_devkit_t12.tar.gz) beside them"
    )


def _refuse_what_lies_deeper(root: Path, folders: Iterable[Path]) -> None:
    """Raises UsageError where folders are no classes but data sets themselves, and names them."""
    sets = [
        folder
        for folder in folders
        if _place(folder) != folder
        or any(_WNID.search(path.name) and path.is_dir() for path in folder.iterdir())
        or any((folder / name).is_file() for name in (*MAPS, GROUND_TRUTH))
    ]
    if sets:
        named = " or ".join(shlex.quote(str(folder)) for folder in sets[:3])
        raise UsageError(
            f"no validation set in {root} itself, but below it", hint=f"name one: {named}"
        )
