"""The pictures that a peer's quantiser sees: those that the product's int8 is calibrated on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from r50bench.assets.preprocess import normalise
from r50bench.engines.base import EngineSpec
from r50bench.errors import EngineError

__all__ = ["calibration_pictures"]


def calibration_pictures(spec: EngineSpec) -> Iterator[NDArray[np.float32]]:
    """Yields the pictures one by one, as normalised float32 (1, 3, 224, 224).

    Raises:
        EngineError: the spec names none.
    """
    if spec.calibration is None:
        raise EngineError("int8 needs pictures to calibrate on, and the spec names none")
    pictures = np.load(spec.calibration, mmap_mode="r")
    for at in range(len(pictures)):
        yield np.ascontiguousarray(normalise(pictures[at : at + 1], spec.convention))
