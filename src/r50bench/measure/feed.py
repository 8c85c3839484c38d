"""The batches an instance runs: prepared before the window, rotated so that none sits in cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from r50bench.assets.preprocess import dummy_pictures, normalise
from r50bench.engines.base import Runner
from r50bench.measure.protocol import FeedSpec

__all__ = [
    "batches_to_score",
    "ring_of_batches",
]


def ring_of_batches(spec: FeedSpec, runner: Runner, instance: int) -> list[Any]:
    """Returns the prepared batches that ``instance`` rotates through.

    Dummy input differs by instance; real pictures are the same for all, each starting elsewhere.
    """
    count = spec.ring_pictures
    if spec.pictures is None:
        raw = dummy_pictures(count, spec.seed + instance)
    else:
        pictures = np.load(spec.pictures, mmap_mode="r")
        raw = pictures[(np.arange(count) + instance * spec.batch_size) % len(pictures)]
    size = spec.batch_size
    return [
        runner.prepare(normalise(raw[at : at + size], spec.convention))
        for at in range(0, count, size)
    ]


def batches_to_score(
    spec: FeedSpec, share: tuple[int, int]
) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
    """Yields (picture indices, normalised batch) over the half-open ``share`` of the data set.

    The last batch is filled up by repeating its last picture, since compiled models have a fixed
    batch size; the indices name only the pictures that count.
    """
    if spec.pictures is None:
        raise ValueError("dummy input has no labels to score")
    pictures = np.load(spec.pictures, mmap_mode="r")
    first, end = share
    for at in range(first, end, spec.batch_size):
        indices = list(range(at, min(at + spec.batch_size, end)))
        filled = indices + [indices[-1]] * (spec.batch_size - len(indices))
        yield indices, normalise(pictures[filled], spec.convention)
