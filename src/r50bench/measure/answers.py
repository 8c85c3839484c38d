"""What an engine answers, looked at outside of what is timed: shape, finiteness, agreement."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from r50bench.errors import WorkerFailed
from r50bench.models.architecture import CLASSES

__all__ = ["Answers"]

_NEAR = 0.02
"""Of a row's range. Sums taken in another order move bf16 logits by less, and so may swap classes
that nearly tie."""


class Answers:
    """The answers of one instance to batches of ``batch_size`` pictures.

    The first answer to one input, kept, is what later ones to the same input must agree with.
    """

    def __init__(self, instance: int, batch_size: int) -> None:
        self._instance = instance
        self._batch_size = batch_size
        self._first: NDArray[np.float32] | None = None

    def checked(self, logits: Any) -> NDArray[np.float32]:
        """Returns an answer of the right shape, (batch, 1000), in which every logit is a number.

        Raises:
            WorkerFailed: it is another.
        """
        array: NDArray[np.float32] = np.asarray(logits)
        wanted = (self._batch_size, CLASSES)
        if array.shape != wanted:
            raise WorkerFailed(
                f"instance {self._instance} answered logits of shape {array.shape} where {wanted}"
                " were due"
            )
        wrong = ~np.isfinite(array).all(axis=1)
        if wrong.any():
            raise WorkerFailed(
                f"instance {self._instance} answered {wrong.sum()} of {self._batch_size} pictures"
                " with logits that are not finite",
                hint="the weights or the kernels are at fault: --mode accuracy with weights that"
                " are known to be good tells them apart",
            )
        return array

    def keep_first(self, logits: Any) -> None:
        """Keeps a copy of the first answer.

        Raises:
            WorkerFailed: as :meth:`checked`.
        """
        self._first = self.checked(logits).copy()

    def compare(self, logits: Any) -> None:
        """Holds a later answer to the first one, of the same input.

        A class that takes the first place must have come near it in the first answer.

        Raises:
            WorkerFailed: as :meth:`checked`, or it disagrees.
        """
        later = self.checked(logits)
        if self._first is None:
            raise RuntimeError("no first answer was kept")
        rows = np.arange(self._batch_size)
        likeliest = self._first.max(axis=1)
        span = likeliest - self._first.min(axis=1)
        missed = likeliest - self._first[rows, later.argmax(axis=1)] > _NEAR * span
        if missed.any():
            row = int(missed.argmax())
            raise WorkerFailed(
                f"instance {self._instance} answered class {later[row].argmax()} where it had"
                f" answered {self._first[row].argmax()} to the same picture before"
                f" ({missed.sum()} of {self._batch_size} pictures)",
                hint="the engine does not compute the same twice: its figures mean nothing",
            )
