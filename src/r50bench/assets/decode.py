"""Picture files to uint8 pixels: one, or all of a data set on every CPU this process may use."""

from __future__ import annotations

import errno
import os
import stat
import struct
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from r50bench.assets.file_kinds import HEAD_BYTES, kind_of
from r50bench.host.kernel_files import read_cgroup_limits
from r50bench.notices import Progress

__all__ = ["CROP", "RECIPE", "Failure", "allocate", "decode", "decode_all"]

SHORT_SIDE = 256
CROP = 224
RECIPE = "Pillow bilinear, shorter side 256, centre crop 224, revision 2"

Failure = tuple[int, str]
"""The row of a picture that cannot be read, and why."""

_Task = tuple[int, str]  # a row and the path of its picture
# What the file says it is counts, not its name: one of ImageNet's .JPEG files is a PNG.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_CHUNK = 16  # pictures per task; about 40 ms of a core's work
_SMALL = 64  # so few are done at once
_EMULATED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM)
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
    """Returns the middle of a picture as torchvision's Resize(256) and CenterCrop(224) give it.

    uint8 (224, 224, 3), RGB whatever the file's colour model; EXIF orientation is not applied, as
    in torchvision's ImageFolder. Only the crop is resampled: Pillow's box makes the same
    coefficients as resizing the whole picture, so that at most roundings differ (by one level).

    Raises:
        OSError, ValueError, …: the file is no picture of a known format or is damaged.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # a FIFO would have its reader wait for ever
        raise OSError("no regular file")
    with Image.open(path, formats=_FORMATS) as file:
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
    """
    allocate(array, len(paths))
    tasks = [(row, str(path)) for row, path in enumerate(paths)]
    chunks = [tasks[start : start + _CHUNK] for start in range(0, len(tasks), _CHUNK)]
    progress.phase(f"decoding {len(paths)} pictures", len(paths))
    failures: list[Failure] = []
    done = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of odd palettes and sizes: what fails is raised
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
        try:
            os.posix_fallocate(file.fileno(), 0, array.stat().st_size)
        except OSError as error:
            if error.errno not in _EMULATED:
                raise
            _fill(file, rows)


def _fill(file: BinaryIO, rows: int) -> None:
    """Writes every block, where a file system or a sandbox knows no other way to have them."""
    black = bytes(CROP * CROP * 3)
    file.seek(-rows * len(black), os.SEEK_END)
    for _ in range(rows):
        file.write(black)


def _results(array: Path, chunks: list[list[_Task]]) -> Iterator[tuple[list[_Task], list[Failure]]]:
    """Decodes chunk after chunk, in threads where there is enough to do for them.

    Pillow lets go of the interpreter while it decodes and resizes. Threads need no shared memory,
    which containers are short of, and read no module from the current folder. Where the system
    grants fewer of them, or none, it takes longer.
    """
    workers = min(_usable_cpus(), len(chunks))
    asked: SimpleQueue[list[_Task] | None] = SimpleQueue()
    answers: SimpleQueue[tuple[list[_Task], list[Failure] | BaseException]] = SimpleQueue()
    threads = []
    if workers > 1 and len(chunks) * _CHUNK > _SMALL:
        threads = _started(workers, lambda: _decode_what_is_asked(array, asked, answers))
    if not threads:
        yield from ((chunk, _decode_chunk(array, chunk)) for chunk in chunks)
        return
    for chunk in chunks:
        asked.put(chunk)
    try:
        for _ in chunks:
            chunk, result = answers.get()
            if isinstance(result, BaseException):
                raise result
            yield chunk, result
    finally:
        _end(threads, asked)


def _started(count: int, work: Callable[[], None]) -> list[threading.Thread]:
    """Returns as many running threads as the system grants, ``count`` at most."""
    threads: list[threading.Thread] = []
    for number in range(count):
        thread = threading.Thread(target=work, name=f"decode-{number}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # a limit of threads
            break
        threads.append(thread)
    return threads


def _end(threads: Sequence[threading.Thread], asked: SimpleQueue[list[_Task] | None]) -> None:
    """Has the threads leave what is asked and not begun, and waits for what is."""
    with suppress(Empty):
        while True:
            asked.get_nowait()
    for _ in threads:
        asked.put(None)
    for thread in threads:
        thread.join()


def _decode_what_is_asked(
    array: Path,
    asked: SimpleQueue[list[_Task] | None],
    answers: SimpleQueue[tuple[list[_Task], list[Failure] | BaseException]],
) -> None:
    while (chunk := asked.get()) is not None:
        try:
            answers.put((chunk, _decode_chunk(array, chunk)))
        except BaseException as error:  # noqa: BLE001  the main thread raises it
            answers.put((chunk, error))


def _usable_cpus() -> int:
    try:
        allowed = len(os.sched_getaffinity(0))
    except OSError:
        allowed = os.cpu_count() or 1
    quota = read_cgroup_limits(Path("/")).cpu_quota
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def _decode_chunk(array: Path, chunk: Sequence[_Task]) -> list[Failure]:
    rows = np.load(array, mmap_mode="r+")
    failures = []
    for row, path in chunk:
        try:
            rows[row] = decode(Path(path))
        except UnidentifiedImageError:  # an OSError whose text repeats the path
            failures.append((row, f"not a picture{_instead(Path(path))}"))
        except _DAMAGED as error:
            failures.append((row, getattr(error, "strerror", None) or str(error)))
    return failures


def _instead(path: Path) -> str:
    """Returns what the file is, in brackets, where that shows."""
    with path.open("rb") as file:
        kind = kind_of(file.read(HEAD_BYTES))
    return "" if kind is None else f": {kind}"
