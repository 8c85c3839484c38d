"""One instance's way into our own kernels: pictures by their address, logits in one place.

After an inference the caches hold little of Python. What can be done before the next one is: from
torch's objects to addresses, an inference of one picture loses 0.5 per cent.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from r50bench.errors import EngineError
from r50bench.models.architecture import CLASSES, INPUT_SIZE

__all__ = ["Pictures", "R50Runner"]

_SHAPE = (3, INPUT_SIZE, INPUT_SIZE)


class Pictures(ctypes.Structure):
    """Float32 (count, 3, 224, 224) where it lies, as kernels.cpp takes it.

    Raises:
        EngineError: the array holds something else.
    """

    _fields_ = (
        ("values", ctypes.c_void_p),
        ("image", ctypes.c_int64),
        ("channel", ctypes.c_int64),
        ("row", ctypes.c_int64),
        ("column", ctypes.c_int64),
    )

    def __init__(self, array: NDArray[np.float32]) -> None:
        if array.dtype != np.float32 or array.shape[1:] != _SHAPE:
            raise EngineError(f"an array of {array.dtype} {array.shape} is not pictures")
        super().__init__(array.ctypes.data, *(stride // 4 for stride in array.strides))
        self.count = len(array)
        self._array = array  # keeps the memory


class R50Runner:
    """Runs batches of any size by ``run``, which takes pictures, their number and three more.

    These are the address of the logits, how many each picture has, and ``times``. ``engine`` owns
    the memory that ``run`` reads, and lives as long as its runners.
    """

    def __init__(self, run: Callable[..., None], times: ctypes.c_void_p, engine: object) -> None:
        self._run = run
        self._times = times
        self._engine = engine
        self._make_room(1)

    def prepare(self, batch: NDArray[np.float32]) -> Pictures:
        """Returns a channels-last copy; see :class:`.base.Runner`."""
        tensor = torch.tensor(batch, dtype=torch.float32)
        return Pictures(tensor.contiguous(memory_format=torch.channels_last).numpy())

    def windows(self, pictures: NDArray[np.float32], size: int) -> Callable[[int], Pictures]:
        """Reads the array itself; see :class:`.base.Runner`."""
        window = Pictures(pictures[:size])
        address, step, last = pictures.ctypes.data, pictures.strides[0], len(pictures) - size

        def move(first: int) -> Pictures:
            if not 0 <= first <= last:
                raise IndexError(f"{size} pictures from {first} on, of {last + size}")
            window.values = address + first * step
            return window

        return move

    def infer(self, pictures: Pictures) -> NDArray[np.float32]:
        """Runs one batch without the interpreter's lock; see :class:`.base.Runner`."""
        if pictures.count != len(self._logits):
            self._make_room(pictures.count)
        self._run(pictures, pictures.count, self._address, CLASSES, self._times)
        return self._logits

    def logits(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        return output

    def _make_room(self, images: int) -> None:
        self._logits = np.empty((images, CLASSES), np.float32)
        self._address = self._logits.ctypes.data
