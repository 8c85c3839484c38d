"""What torch engines do on a GPU: switches, memory, graphs, and the log of its kernels."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from r50bench.engines.evidence.judge import CUDA_PREFIX
from r50bench.engines.torch.base import Forward
from r50bench.errors import EngineError, Unsupported

__all__ = ["CudaRunner", "kernel_by_kernel", "observe_cuda", "open_cuda", "set_fp32_precision"]

_RUNS_BEFORE_CAPTURE = 3  # what torch's documentation asks for: libraries choose and allocate


def open_cuda(numerics: str) -> torch.device:
    """Returns the GPU, with torch's switches set for ``numerics``.

    Raises:
        Unsupported: this torch is built without CUDA, or no GPU can be used.
    """
    if torch.version.cuda is None:
        raise Unsupported(
            f"device cuda: torch {torch.__version__} is built without CUDA",
            hint="install a CUDA build of torch, or take --device cpu",
        )
    if not torch.cuda.is_available():
        raise Unsupported("device cuda: no GPU can be used here", hint="take --device cpu")
    set_fp32_precision(numerics)
    # Shapes never change: cuDNN may try its algorithms once, and keep the fastest.
    torch.backends.cudnn.benchmark = True
    return torch.device("cuda", 0)


def set_fp32_precision(numerics: str) -> None:
    """Has float32 multiplied in TF32 where that is the ``numerics``, and as IEEE has it elsewhere.

    TF32 is torch's default for convolutions; a record that says fp32 must mean it. These are the
    older switches: ``cudnn.conv.fp32_precision`` leaves those of recurrent layers behind, and
    torch.export fails where the two differ.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are newer ones
        torch.backends.cudnn.allow_tf32 = numerics == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = numerics == "tf32"


class CudaRunner:
    """One instance on a GPU. ``forward`` takes and returns a float32 tensor on ``device``.

    Prepared batches lie in the GPU's memory. ``captured`` has the first inference of a size
    captured as a graph, from a batch that lies in one place: each is copied there first, which is
    in its time, as is the transfer of a batch that :meth:`windows` reads from the host's memory.
    """

    def __init__(self, forward: Forward, device: torch.device, *, captured: bool) -> None:
        self._forward = forward
        self._device = device
        self._captured = captured
        self._graph: Any = None
        self._input = torch.empty(0, device=device)
        self._output = self._input

    def prepare(self, batch: NDArray[np.float32]) -> torch.Tensor:
        """Returns a channels-last copy in the GPU's memory; see :class:`.base.Runner`."""
        tensor = torch.tensor(batch, dtype=torch.float32)
        return tensor.contiguous(memory_format=torch.channels_last).to(self._device)

    def windows(self, pictures: NDArray[np.float32], size: int) -> Callable[[int], torch.Tensor]:
        """Reads the array itself, whose memory is pinned; see :class:`.base.Runner`."""
        _pin(pictures)
        tensor = torch.from_numpy(pictures)
        return lambda first: tensor[first : first + size]

    def infer(self, prepared: torch.Tensor) -> torch.Tensor:
        """Returns when the GPU is done; see :class:`.base.Runner`."""
        if not self._captured or _kernel_by_kernel:
            output = self._forward(prepared.to(self._device, non_blocking=True))
        else:
            if self._graph is None:
                self._capture(prepared)
            self._input.copy_(prepared, non_blocking=True)
            self._graph.replay()
            output = self._output
        torch.cuda.current_stream(self._device).synchronize()
        return output

    def logits(self, output: torch.Tensor) -> NDArray[np.float32]:
        """Returns a float32 array on the host; see :class:`.base.Runner`."""
        array: NDArray[np.float32] = output.numpy(force=True)
        return array

    def _capture(self, like: torch.Tensor) -> None:
        """Captures an inference of a batch of that size.

        Raises:
            EngineError: something in it cannot be captured.
        """
        self._input = torch.empty(
            like.shape, device=self._device, memory_format=torch.channels_last
        )
        self._input.copy_(like)
        beside = torch.cuda.Stream(self._device)
        beside.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(beside):
            for _ in range(_RUNS_BEFORE_CAPTURE):
                self._forward(self._input)
        torch.cuda.synchronize(self._device)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._output = self._forward(self._input)
        except RuntimeError as error:
            raise EngineError(
                f"the inference cannot be captured as a CUDA graph: {str(error).splitlines()[0]}",
                hint="CUDA_GRAPH=0 runs it kernel by kernel",
            ) from error
        self._graph = graph


_kernel_by_kernel: list[None] = []
"""Not empty while no graph is to be replayed."""


@contextmanager
def kernel_by_kernel() -> Iterator[None]:
    """Has every runner of this process do without its graph while the context lasts."""
    _kernel_by_kernel.append(None)
    try:
        yield
    finally:
        _kernel_by_kernel.pop()


def observe_cuda(infer: Callable[[], object]) -> str:
    """Returns a line for each kernel of one inference, as torch's profiler names it."""
    from torch.profiler import ProfilerActivity, profile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on cycles of the profiler, of which there is one
        with profile(activities=[ProfilerActivity.CUDA]) as profiler:
            infer()
            torch.cuda.synchronize()
        kernels = [
            event.name
            for event in profiler.events()
            if event.device_type == torch.autograd.DeviceType.CUDA
        ]
    return "".join(f"{CUDA_PREFIX}{name}\n" for name in kernels)


def _pin(array: NDArray[np.float32]) -> None:
    """Has the driver pin the array's memory until it is freed.

    The GPU then copies from it by itself, at twice the speed and more. Where the driver refuses,
    the copy goes through memory of its own, and costs what it costs.
    """
    owner: Any = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    address, size = owner.ctypes.data, owner.nbytes
    if not size or torch.from_numpy(array).is_pinned():
        return
    runtime = torch.cuda.cudart()
    if int(runtime.cudaHostRegister(address, size, 0)) == 0:
        weakref.finalize(owner, runtime.cudaHostUnregister, address)
