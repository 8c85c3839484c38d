"""From picture files to network input, in two steps.

Step one, once per data set, cached: decode, shorter side to 256, centre crop of 224, uint8 RGB.
It depends on the pictures alone. Step two, per weights: the arithmetic of their convention.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import features

from r50bench.assets.decode import CROP, RECIPE, Failure, allocate, decode_all
from r50bench.assets.imagenet import Dataset
from r50bench.assets.layouts import Picture
from r50bench.assets.store import Store
from r50bench.errors import AssetError, R50BenchError
from r50bench.notices import Notice, Progress
from r50bench.results.files import MOST_JSON_BYTES, from_json, read_bounded
from r50bench.wording import counted, first_few, visible

__all__ = ["Pictures", "dummy_pictures", "normalise", "preprocess"]

# https://github.com/keras-team/keras/blob/master/keras/src/applications/imagenet_utils.py
_CAFFE_MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)
# https://pytorch.org/vision/stable/models/generated/torchvision.models.resnet50.html
_TORCHVISION_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_TORCHVISION_STD = np.array([0.229, 0.224, 0.225], np.float32)

_ARRAY = "pictures.npy"
_INDEX = "index.json"
_MOST_BYTES_PER_PICTURE = 8192  # a path has 4096 at most, of which JSON may need two each
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures. ``array`` is the path of a .npy: uint8 (N, 224, 224, 3), RGB.

    ``labels`` and ``names`` have N items; ``skipped`` names the pictures left out, with the
    reason. ``sha256`` is that of the array's bytes.
    """

    array: Path
    labels: tuple[int, ...]
    names: tuple[str, ...]
    skipped: tuple[str, ...]
    sha256: str


def preprocess(dataset: Dataset, store: Store, progress: Progress, *, skip_bad: bool) -> Pictures:
    """Decodes a data set on all CPUs this process may use, once; later calls find the result.

    The cache knows pictures by name, label, size and time of change, not by their bytes: reading
    all of ImageNet's validation set again for each run would take longer than the run.

    Raises:
        AssetError: pictures are not there or cannot be read and ``skip_bad`` is false, or none is
            left.
    """
    if dataset.absent and not skip_bad:
        raise _not_there(dataset)
    states = [_state(picture) for picture in dataset.pictures]
    _warn_of_same_files(dataset, states, progress)

    entry, index = _decoded(dataset, states, store, progress, skip_bad=skip_bad)
    if index.skipped and not skip_bad:  # kept by a run that was told to skip
        raise _unreadable(index.skipped)
    skipped = (*(f"{name} (not there)" for name in dataset.absent), *index.skipped)
    _warn_of_skipped(dataset, skipped, progress)
    return Pictures(
        array=entry / _ARRAY,
        labels=index.labels,
        names=index.names,
        skipped=skipped,
        sha256=index.sha256,
    )


def _decoded(
    dataset: Dataset,
    states: Sequence[_State],
    store: Store,
    progress: Progress,
    *,
    skip_bad: bool,
) -> tuple[Path, _Index]:
    """Returns the entry with the decoded pictures and its index, made first where need be."""

    def make(entry: Path) -> None:
        paths = [picture.path for picture in dataset.pictures]
        failures = decode_all(paths, entry / _ARRAY, progress)
        if failures and (not skip_bad or len(failures) == len(paths)):
            raise _unreadable(_skipped(dataset, failures))
        _finish(entry, dataset, failures)

    provenance = {
        "dataset": str(dataset.root),
        "pictures": len(dataset.pictures),
        "recipe": RECIPE,
        "pillow": PIL.__version__,
    }
    read: list[_Index] = []
    damaged: list[str] = []

    def sound(entry: Path) -> bool:
        try:
            read.append(_read_index(entry, dataset))
        except AssetError as error:
            damaged.append(f"{error.message}: they are decoded again")
            return False
        return True

    try:
        key = _key(dataset, states)
        entry = store.produce("preprocessed", key, make, provenance, progress, sound)
    finally:
        for text in dict.fromkeys(damaged):
            progress.warn(Notice("damaged-pictures", text))
    return entry, read[-1] if read else _read_index(entry, dataset)


def _warn_of_skipped(dataset: Dataset, skipped: Sequence[str], progress: Progress) -> None:
    if skipped:
        total = len(dataset.absent) + len(dataset.pictures)
        text = (
            f"{len(skipped)} of {counted(total, 'picture')} left out, since they are not there or"
            f" cannot be read: {first_few(skipped)}"
        )
        progress.warn(Notice("skipped-pictures", text))


@dataclass(frozen=True)
class _Index:
    """What is kept beside the array: of each row its label and name; see :class:`Pictures`."""

    labels: tuple[int, ...]
    names: tuple[str, ...]
    skipped: tuple[str, ...]
    sha256: str


def _read_index(entry: Path, dataset: Dataset) -> _Index:
    """Reads the index of ``entry``.

    Raises:
        AssetError: it is damaged, or of other pictures, or the array beside it is not theirs.
    """
    most = max(MOST_JSON_BYTES, len(dataset.pictures) * _MOST_BYTES_PER_PICTURE)
    try:
        index: _Index = from_json(read_bounded(entry / _INDEX, most), _Index)
        _check(index, dataset)
        array = np.load(entry / _ARRAY, mmap_mode="r")
        if array.dtype != np.uint8 or array.shape != (len(index.names), CROP, CROP, 3):
            raise ValueError(f"{_ARRAY} is {array.dtype} {array.shape}")
    except (ValueError, OSError, EOFError, RecursionError, R50BenchError) as error:
        raise AssetError(
            f"the cached pictures {entry} are damaged: {error}",
            hint=f"r50bench cache remove {entry.name}",
        ) from error
    return index


def _check(index: _Index, dataset: Dataset) -> None:
    """Looks whether the rows are pictures of the data set, in its order, and the rest was skipped.

    Raises:
        ValueError: they are not.
    """
    if len(index.labels) != len(index.names):
        raise ValueError(f"{_INDEX} has {len(index.labels)} labels of {len(index.names)} pictures")
    left = ((picture.name, picture.label) for picture in dataset.pictures)
    for pair in zip(index.names, index.labels, strict=True):
        if pair not in left:  # which passes over those that were skipped
            raise ValueError(f"{_INDEX} has {visible(pair[0])} of label {pair[1]} in a wrong place")
    if len(index.names) + len(index.skipped) != len(dataset.pictures):
        raise ValueError(f"{_INDEX} lacks pictures")
    if _SHA256.fullmatch(index.sha256) is None:
        raise ValueError(f"{_INDEX} has no sha256")


def normalise(pictures: NDArray[np.uint8], convention: str) -> NDArray[np.float32]:
    """Turns uint8 (n, 224, 224, 3) RGB into a float32 batch (n, 3, 224, 224).

    The batch is a view of an array that is contiguous as (n, 224, 224, 3): torch takes it as
    channels-last. ``caffe``: BGR minus the mean, unscaled; ``torchvision``: RGB / 255, minus the
    mean, over the standard deviation.
    """
    batch: NDArray[np.float32]
    if convention == "caffe":
        batch = pictures[..., ::-1].astype(np.float32, order="C")
        batch -= _CAFFE_MEAN_BGR
    elif convention == "torchvision":
        batch = pictures.astype(np.float32, order="C")
        batch /= np.float32(255)
        batch -= _TORCHVISION_MEAN
        batch /= _TORCHVISION_STD
    else:
        raise ValueError(f"unknown convention {convention!r}")
    return np.transpose(batch, (0, 3, 1, 2))


def dummy_pictures(n: int, seed: int) -> NDArray[np.uint8]:
    """Returns uniform noise, uint8 (n, 224, 224, 3), the same for the same seed."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (n, CROP, CROP, 3), dtype=np.uint8)


_State = tuple[int, int, int, int]  # size, time of change, device and inode


def _state(picture: Picture) -> _State:
    try:
        status = picture.path.stat()
    except OSError:  # decoding will say so
        return -1, -1, -1, -1
    return status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino


def _warn_of_same_files(dataset: Dataset, states: Sequence[_State], progress: Progress) -> None:
    """Warns where several names lead to one file: it is scored under each of them."""
    names: dict[tuple[int, int], list[str]] = {}
    for picture, (size, _, device, inode) in zip(dataset.pictures, states, strict=True):
        if size >= 0 and inode:
            names.setdefault((device, inode), []).append(picture.name)
    same = [" = ".join(several) for several in names.values() if len(several) > 1]
    if same:
        text = f"{counted(len(same), 'picture')} scored more than once: {first_few(same)}"
        progress.warn(Notice("same-picture", text, "list each file under one name"))


def _key(dataset: Dataset, states: Sequence[_State]) -> str:
    digest = hashlib.sha256()
    versions = (RECIPE, PIL.__version__, features.version("jpg"))
    digest.update(json.dumps(versions).encode())
    for picture, (*state, _, _) in zip(dataset.pictures, states, strict=True):
        digest.update(json.dumps((picture.name, picture.label, *state)).encode())
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", dataset.name).strip("._-")[:40] or "folder"
    return f"{name}-{len(dataset.pictures)}-{digest.hexdigest()[:16]}"


def _finish(entry: Path, dataset: Dataset, failures: Sequence[Failure]) -> None:
    """Closes the gaps that failures left in the array and writes the index beside it."""
    bad = {row for row, _ in failures}
    kept = [row for row in range(len(dataset.pictures)) if row not in bad]
    if bad:
        _keep_rows(entry / _ARRAY, kept)
    index = {
        "labels": [dataset.pictures[row].label for row in kept],
        "names": [dataset.pictures[row].name for row in kept],
        "skipped": _skipped(dataset, failures),
        "sha256": _sha256_of_rows(entry / _ARRAY),
    }
    (entry / _INDEX).write_text(json.dumps(index, indent=0) + "\n")


def _keep_rows(array: Path, kept: Sequence[int]) -> None:
    closed = array.with_name(f"closed-{array.name}")
    allocate(closed, len(kept))
    source, target = np.load(array, mmap_mode="r"), np.load(closed, mmap_mode="r+")
    for position, row in enumerate(kept):
        target[position] = source[row]
    closed.replace(array)


def _sha256_of_rows(array: Path) -> str:
    digest = hashlib.sha256()
    for row in np.load(array, mmap_mode="r"):
        digest.update(row)
    return digest.hexdigest()


def _skipped(dataset: Dataset, failures: Sequence[Failure]) -> tuple[str, ...]:
    return tuple(f"{dataset.pictures[row].name} ({reason})" for row, reason in failures)


def _not_there(dataset: Dataset) -> AssetError:
    total = len(dataset.absent) + len(dataset.pictures)
    return AssetError(
        f"{len(dataset.absent)} of {counted(total, 'picture')} listed for {dataset.root} are not"
        f" there: {first_few(dataset.absent)}",
        hint=f"paths are relative to {dataset.root}; --skip-bad-pictures leaves them out",
    )


def _unreadable(skipped: Sequence[str]) -> AssetError:
    return AssetError(
        f"{counted(len(skipped), 'picture')} cannot be read: {first_few(skipped)}",
        hint="replace them, or leave them out with --skip-bad-pictures",
    )
