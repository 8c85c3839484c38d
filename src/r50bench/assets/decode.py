"""Picture files to uint8 pixels: one, or all of a data set on every CPU this process may use."""

from __future__ import annotations

import multiprocessing
import os
import signal
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from r50bench.errors import AssetError
from r50bench.host.kernel_files import read_cgroup_limits
from r50bench.host.lifeline import die_with_parent
from r50bench.notices import Progress

__all__ = ["CROP", "RECIPE", "Failure", "allocate", "decode", "decode_all"]

SHORT_SIDE = 256
CROP = 224
RECIPE = "Pillow bilinear, shorter side 256, centre crop 224, revision 1"

Failure = tuple[int, str]
"""The row of a picture that cannot be read, and why."""

_Task = tuple[int, str]  # a row and the path of its picture
_CHUNK = 16  # pictures per task; about 40 ms of a core's work
_SMALL = 64  # so few are done before the first worker has started
# What Pillow's JPEG reader raises on damaged files.
_DAMAGED = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    IndexError,
    struct.error,
    Image.DecompressionBombError,
)


def decode(path: Path) -> NDArray[np.uint8]:
    """Returns the middle of a JPEG as torchvision's Resize(256) and CenterCrop(224) give it.

    uint8 (224, 224, 3), RGB whatever the file's colour model; EXIF orientation is not applied, as
    in torchvision's ImageFolder. Only the crop is resampled: Pillow's box makes the same
    coefficients as resizing the whole picture, so that at most roundings differ (by one level).

    Raises:
        OSError, ValueError, …: the file is no JPEG or is damaged.
    """
    with Image.open(path, formats=("JPEG",)) as file:
        picture = file.convert("RGB")
    width, height = picture.size
    short = min(width, height)
    resized_width, resized_height = SHORT_SIDE * width // short, SHORT_SIDE * height // short
    across, down = width / resized_width, height / resized_height
    left, top = round((resized_width - CROP) / 2), round((resized_height - CROP) / 2)
    box = (left * across, top * down, (left + CROP) * across, (top + CROP) * down)
    return np.asarray(picture.resize((CROP, CROP), Image.Resampling.BILINEAR, box=box))


def decode_all(paths: Sequence[Path], array: Path, progress: Progress) -> tuple[Failure, ...]:
    """Decodes each of ``paths`` into its row of a new .npy at ``array``.

    The array is uint8 (N, 224, 224, 3). Returns the rows that stayed empty since their pictures
    cannot be read, in order.

    Raises:
        AssetError: a worker process died.
    """
    allocate(array, len(paths))
    tasks = [(row, str(path)) for row, path in enumerate(paths)]
    chunks = [tasks[start : start + _CHUNK] for start in range(0, len(tasks), _CHUNK)]
    progress.phase(f"decoding {len(paths)} pictures", len(paths))
    failures: list[Failure] = []
    done = 0
    for chunk, failed in _results(array, chunks):
        failures += failed
        done += len(chunk)
        progress.advance(done)
    return tuple(sorted(failures))


def allocate(array: Path, rows: int) -> None:
    """Makes a .npy of ``rows`` black pictures with all its blocks on the disk.

    A full disk is thus an error here, not a SIGBUS when a mapped page is written.
    """
    np.lib.format.open_memmap(array, "w+", np.uint8, (rows, CROP, CROP, 3))
    with array.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, array.stat().st_size)


def _results(array: Path, chunks: list[list[_Task]]) -> Iterator[tuple[list[_Task], list[Failure]]]:
    """Decodes chunk after chunk, in processes where there is enough to do for them."""
    workers = min(_usable_cpus(), len(chunks))
    if workers == 1 or len(chunks) * _CHUNK <= _SMALL:
        yield from ((chunk, _decode_chunk(array, chunk)) for chunk in chunks)
        return
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(os.getpid(),),
    )
    try:
        futures = {pool.submit(_decode_chunk, array, chunk): chunk for chunk in chunks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise AssetError(
            "a process that decodes pictures died", hint="it may have run out of memory"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _usable_cpus() -> int:
    allowed = len(os.sched_getaffinity(0))
    quota = read_cgroup_limits(Path("/")).cpu_quota
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def _start_worker(parent: int) -> None:
    """Makes this process leave Ctrl-C to its ``parent`` and die with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)


def _decode_chunk(array: Path, chunk: Sequence[_Task]) -> list[Failure]:
    rows = np.load(array, mmap_mode="r+")
    failures = []
    for row, path in chunk:
        try:
            rows[row] = decode(Path(path))
        except UnidentifiedImageError:  # an OSError whose text repeats the path
            failures.append((row, "not a JPEG"))
        except _DAMAGED as error:
            failures.append((row, getattr(error, "strerror", None) or str(error)))
    return failures
