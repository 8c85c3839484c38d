"""What all torch engines share: the device, its settings, a way in, and the log of its kernels."""

from __future__ import annotations

import ctypes
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from r50bench.engines.base import EngineSpec, Runner
from r50bench.engines.evidence.cuda_kernels import names_a_kernel
from r50bench.precision import numerics_of

__all__ = ["Forward", "TorchEngine", "TorchRunner", "open_device"]

Forward = Callable[[torch.Tensor], torch.Tensor]
"""From a float32 batch to its float32 logits, on the same device."""


def open_device(spec: EngineSpec) -> torch.device:
    """Returns the spec's device, with torch's global switches set for its precision.

    Raises:
        Unsupported: there is no such device here, or it cannot run the precision.
    """
    numerics = numerics_of(spec.precision)
    if spec.device == "cuda":
        from r50bench.engines.torch.cuda import open_cuda

        return open_cuda(numerics)
    if numerics == "bf32":
        torch.backends.mkldnn.conv.fp32_precision = "bf16"
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    return torch.device(spec.device)


class TorchRunner:
    """One instance of a torch engine on CPUs. ``forward`` takes and returns a float32 tensor."""

    def __init__(self, forward: Forward) -> None:
        self.infer = forward

    def prepare(self, batch: NDArray[np.float32]) -> torch.Tensor:
        """Returns a channels-last copy; see :class:`.base.Runner`."""
        tensor = torch.tensor(batch, dtype=torch.float32)
        return tensor.contiguous(memory_format=torch.channels_last)

    def windows(self, pictures: NDArray[np.float32], size: int) -> Callable[[int], torch.Tensor]:
        """Reads the array itself; see :class:`.base.Runner`."""
        tensor = torch.from_numpy(pictures)
        return lambda first: tensor[first : first + size]

    def logits(self, output: torch.Tensor) -> NDArray[np.float32]:
        """Returns a float32 array on the host; see :class:`.base.Runner`."""
        array: NDArray[np.float32] = output.numpy(force=True)
        return array


class TorchEngine:
    """Base of the torch engines: threads, clock, kernel log.

    Subclasses say ``_forward``, or make runners of their own; for GPUs they say ``_forward_on``.
    """

    def __init__(self, spec: EngineSpec) -> None:
        self.name = spec.engine
        self.version = f"torch {torch.__version__}"
        self._spec = spec
        self._device = open_device(spec)
        self._set_threads()

    def runner(self, index: int) -> Runner:
        """Returns the way in of instance ``index``; see :class:`.base.Engine`."""
        if not 0 <= index < self._spec.runners:
            raise IndexError(f"instance {index} of {self._spec.runners}")
        self._set_threads()
        if self._device.type == "cuda":
            return self._cuda_runner(index)
        return self._make_runner()

    def clock(self) -> int:
        """Returns CLOCK_MONOTONIC in ns."""
        return time.perf_counter_ns()

    def observe(self, infer: Callable[[], object]) -> str:
        """Returns oneDNN's verbose log of one inference, or the profiler's kernels on CUDA."""
        if self._device.type == "cuda":
            from r50bench.engines.torch.cuda import kernel_by_kernel, observe_cuda

            # Some versions of the profiler's library see a graph as one thing: then its inference
            # is shown as it was captured.
            log = observe_cuda(infer)
            if names_a_kernel(log):
                return log
            with kernel_by_kernel():
                return observe_cuda(infer)
        return _observe_onednn(infer)

    def close(self) -> None:
        """Leaves everything to the end of the process."""

    def _make_runner(self) -> Runner:
        return TorchRunner(self._forward)

    def _cuda_runner(self, index: int) -> Runner:
        from r50bench.engines.torch.cuda import CudaRunner

        # The worker sees the GPUs of its instances alone, in their order.
        device = torch.device("cuda", index)
        torch.cuda.set_device(device)
        return CudaRunner(self._forward_on(device), device, captured=self._spec.cuda_graph)

    def _forward_on(self, device: torch.device) -> Forward:
        raise NotImplementedError

    def _forward(self, batch: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def _set_threads(self) -> None:
        # OMP_NUM_THREADS speaks for all threads, and CUSTOMER_ENV may have set it on purpose.
        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(self._spec.threads)


def _observe_onednn(infer: Callable[[], object]) -> str:
    with tempfile.TemporaryFile() as log:
        with _stdout_into(log.fileno()), torch.backends.mkldnn.verbose(1):
            infer()
        log.seek(0)
        return log.read().decode(errors="replace")


@contextmanager
def _stdout_into(descriptor: int) -> Iterator[None]:
    """Sends file descriptor 1 elsewhere; oneDNN writes to it through C's stdio."""
    flush: Any = ctypes.CDLL(None).fflush
    flush(None)
    kept = os.dup(1)
    os.dup2(descriptor, 1)
    try:
        yield
    finally:
        flush(None)
        os.dup2(kept, 1)
        os.close(kept)
