"""One instance answering LoadGen: rows of the library in, classes out, one completion a batch."""

from __future__ import annotations

import math
import queue
from collections.abc import Callable, Sequence
from typing import Any

import mlperf_loadgen
import numpy as np
from numpy.typing import NDArray

from r50bench.engines.base import Runner
from r50bench.errors import WorkerFailed
from r50bench.measure.loads.loadgen.qsl import Rows, SampleLibrary, Work
from r50bench.models.architecture import CLASSES, INPUT_SIZE

__all__ = ["Responder"]

_LABEL_BYTES = 4  # of int32, which LoadGen's scripts expect: the low half of what argmax writes
_NOT_FINITE = "the engine answered logits that are not finite"


class Responder:
    """Answers samples through one instance's runner; used from that instance's thread only.

    Answers are classes in a buffer that LoadGen copies from before a completion returns. The
    responses, one for each place in the buffer, are used again for every batch: making one takes
    three times as long as giving it another id.
    """

    def __init__(
        self,
        runner: Runner,
        library: SampleLibrary,
        batch_size: int,
        tick: Callable[[int], None],
    ) -> None:
        self._runner = runner
        self._library = library
        self._batch_size = batch_size
        self._tick = tick
        self._room = np.zeros((batch_size, INPUT_SIZE, INPUT_SIZE, 3), np.float32)
        self._copied = runner.windows(self._room.transpose(0, 3, 1, 2), batch_size)
        self.take_loaded()
        self._classes = np.zeros(batch_size, np.dtype("<i8"))
        self._memory = self._classes.data
        address, step = self._classes.ctypes.data, self._classes.itemsize
        self._responses: list[Any] = [
            mlperf_loadgen.QuerySampleResponse(0, address + at * step, _LABEL_BYTES)
            for at in range(batch_size)
        ]

    def take_loaded(self) -> None:
        """Has the engine take the pictures that are loaded now, before they are asked for.

        A GPU's driver pins their memory then, which would hold up the first query.
        """
        self._pictures = self._library.pictures
        self._loaded = self._runner.windows(self._pictures, self._batch_size)

    def answer(self, ids: Sequence[int], rows: Rows) -> None:
        """Classifies any number of samples, batch by batch, and completes each batch at once.

        Raises:
            WorkerFailed: the engine answered another shape than a row of classes a picture, or
                something that is no number.
        """
        size = self._batch_size
        for at in range(0, len(ids), size):
            part = ids[at : at + size]
            self._classify(rows[at : at + size])
            self._complete(part)
            self._tick(len(part))

    def answer_one(self, sample: int, row: int) -> None:
        """Classifies and completes one sample, where a batch is one.

        After an inference the caches hold nothing of numpy: what :meth:`answer` does more, for any
        number of pictures, would hold up a single one by some 10 µs.

        Raises:
            WorkerFailed: the engine answered another shape than a row of classes, or something that
                is no number.
        """
        logits = self._logits(self._window(row))
        likeliest = int(logits.argmax())
        if not math.isfinite(logits.item(likeliest)):
            raise WorkerFailed(_NOT_FINITE)
        self._memory[0] = likeliest
        self._responses[0].id = sample
        mlperf_loadgen.QuerySamplesComplete(self._responses)
        self._tick(1)

    def serve(self, waiting: queue.SimpleQueue[Work | None]) -> None:
        """Answers what ``waiting`` gives, asleep while there is nothing, until it gives None."""
        while (work := waiting.get()) is not None:
            self.answer(*work)

    def serve_coalescing(self, waiting: queue.SimpleQueue[Work | None]) -> None:
        """Like :meth:`serve`, but what waits is answered together, up to a batch."""
        while (work := waiting.get()) is not None:
            ids, rows = work
            while len(ids) < self._batch_size:
                try:
                    more = waiting.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    waiting.put(None)
                    break
                ids, rows = ids + more[0], np.concatenate((rows, more[1]))
            self.answer(ids, rows)

    def _classify(self, rows: Rows) -> None:
        """Leaves the likeliest class of each picture in the buffer.

        Raises:
            WorkerFailed: the engine answered something that is no number.
        """
        count = len(rows)
        logits = self._logits(self._batch(rows))
        answers = logits if count == self._batch_size else logits[:count]
        answers.argmax(axis=1, out=self._classes[:count])
        # NaN counts as the largest. Seldom run, every call of numpy is slow: this is the least.
        for at, likeliest in enumerate(self._classes[:count].tolist()):
            if not math.isfinite(logits.item(at, likeliest)):
                raise WorkerFailed(_NOT_FINITE)

    def _logits(self, batch: Any) -> NDArray[np.float32]:
        """Runs a batch.

        Raises:
            WorkerFailed: the engine answered another shape than a row of classes a picture.
        """
        logits: NDArray[np.float32] = self._runner.logits(self._runner.infer(batch))
        if logits.shape != (self._batch_size, CLASSES):
            raise WorkerFailed(
                f"the engine answered logits of shape {logits.shape} to a batch of"
                f" {self._batch_size}"
            )
        return logits

    def _batch(self, rows: Rows) -> Any:
        """Returns a batch whose first pictures are those of ``rows``, as the engine takes it.

        Pictures that lie one after the other are read in place, even where that takes in what lies
        behind them; others are copied.
        """
        if len(rows) > 1 and not isinstance(rows, range):
            self._library.copy(rows, self._room)
            return self._copied(0)
        return self._window(int(rows[0]))

    def _window(self, first: int) -> Any:
        """Returns the batch that lies in the library from row ``first`` on."""
        if self._pictures is not self._library.pictures:
            self.take_loaded()
        return self._loaded(first)

    def _complete(self, ids: Sequence[int]) -> None:
        answered = self._responses[: len(ids)]
        for response, sample in zip(answered, ids, strict=True):
            response.id = sample
        mlperf_loadgen.QuerySamplesComplete(answered)
