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
from r50bench.engines.evidence.judge import CUDA_PREFIX
from r50bench.errors import Unsupported
from r50bench.precision import numerics_of

__all__ = ["TorchEngine", "TorchRunner", "open_device"]


def open_device(spec: EngineSpec) -> torch.device:
    """Returns the spec's device, with torch's global switches set for its precision.

    Raises:
        Unsupported: there is no such device here, or it cannot run the precision.
    """
    numerics = numerics_of(spec.precision)
    if spec.device == "cuda":
        _check_cuda(numerics)
        # TF32 is torch's default for convolutions; a record that says fp32 must mean it.
        torch.backends.cudnn.conv.fp32_precision = "ieee"
        torch.backends.cuda.matmul.fp32_precision = "ieee"
    elif numerics == "bf32":
        torch.backends.mkldnn.conv.fp32_precision = "bf16"
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    return torch.device(spec.device)


def _check_cuda(numerics: str) -> None:
    if torch.version.cuda is None:
        raise Unsupported(
            f"device cuda: torch {torch.__version__} is built without CUDA",
            hint="install a CUDA build of torch, or take --device cpu",
        )
    if not torch.cuda.is_available():
        raise Unsupported("device cuda: no GPU can be used here", hint="take --device cpu")
    if numerics not in ("fp32", "bf16"):
        raise Unsupported(
            f"device cuda: {numerics} is made for CPUs here", hint="take fp32 or bf16"
        )


class TorchRunner:
    """One instance of a torch engine. ``forward`` takes and returns one float32 tensor."""

    def __init__(
        self, forward: Callable[[torch.Tensor], torch.Tensor], device: torch.device
    ) -> None:
        self._device = device
        self.infer = self._and_wait(forward) if device.type == "cuda" else forward

    @staticmethod
    def _and_wait(
        forward: Callable[[torch.Tensor], torch.Tensor],
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        def infer(prepared: torch.Tensor) -> torch.Tensor:
            output = forward(prepared)
            torch.cuda.synchronize()
            return output

        return infer

    def prepare(self, batch: NDArray[np.float32]) -> torch.Tensor:
        """Returns a channels-last copy on the device; see :class:`.base.Runner`."""
        tensor = torch.tensor(batch, dtype=torch.float32)
        return tensor.to(self._device).contiguous(memory_format=torch.channels_last)

    def windows(self, pictures: NDArray[np.float32], size: int) -> Callable[[int], torch.Tensor]:
        """Reads the array itself on the CPU; see :class:`.base.Runner`."""
        if self._device.type != "cpu":
            return lambda first: self.prepare(pictures[first : first + size])
        tensor = torch.from_numpy(pictures)
        return lambda first: tensor[first : first + size]

    def logits(self, output: torch.Tensor) -> NDArray[np.float32]:
        """Returns a float32 array on the host; see :class:`.base.Runner`."""
        array: NDArray[np.float32] = output.numpy(force=True)
        return array


class TorchEngine:
    """Base of the torch engines: threads, clock, kernel log.

    Subclasses say ``_forward``, or make runners of their own.
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
        return self._make_runner()

    def clock(self) -> int:
        """Returns CLOCK_MONOTONIC in ns."""
        return time.perf_counter_ns()

    def observe(self, infer: Callable[[], object]) -> str:
        """Returns oneDNN's verbose log of one inference, or the profiler's kernels on CUDA."""
        return _observe_cuda(infer) if self._device.type == "cuda" else _observe_onednn(infer)

    def close(self) -> None:
        """Leaves everything to the end of the process."""

    def _make_runner(self) -> Runner:
        return TorchRunner(self._forward, self._device)

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


def _observe_cuda(infer: Callable[[], object]) -> str:
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        infer()
        torch.cuda.synchronize()
    kernels = [
        event.name
        for event in profiler.events()
        if event.device_type == torch.autograd.DeviceType.CUDA
    ]
    return "".join(f"{CUDA_PREFIX}{name}\n" for name in kernels)
