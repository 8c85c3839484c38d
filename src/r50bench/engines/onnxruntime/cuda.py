"""ONNX Runtime on a GPU, as a peer: its CUDA provider, and no other one behind it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from r50bench.engines.base import EngineSpec
from r50bench.engines.onnx.export import BATCH_DIMENSION, INPUT, ONNX_FILE, OUTPUT
from r50bench.errors import EngineError, Unsupported
from r50bench.precision import numerics_of

__all__ = ["CudaOnnxRuntimeEngine"]

_PROVIDER = "CUDAExecutionProvider"


class CudaOnnxRuntimeEngine:
    """Runs ``spec.artifact``'s ONNX file; every instance has a session on its GPU.

    Its kernels are observed by torch's profiler, which hears of all that run in the process.
    """

    def __init__(self, spec: EngineSpec) -> None:
        if spec.artifact is None:
            raise EngineError("engine onnxruntime: the spec names no model")
        from r50bench.engines.torch.cuda import observe_cuda, open_cuda

        open_cuda(numerics_of(spec.precision))
        if _PROVIDER not in onnxruntime.get_available_providers():
            raise Unsupported(
                f"onnxruntime {onnxruntime.__version__} has no {_PROVIDER}",
                hint="pip uninstall onnxruntime, and pip install onnxruntime-gpu",
            )
        self.name = spec.engine
        self.version = f"onnxruntime {onnxruntime.__version__} ({_PROVIDER})"
        self._spec = spec
        self._model = str(Path(spec.artifact) / ONNX_FILE)
        self._observe = observe_cuda

    def runner(self, index: int) -> _Runner:
        """Returns the way in of instance ``index``; see :class:`.base.Engine`."""
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_free_dimension_override_by_name(BATCH_DIMENSION, self._spec.batch_size)
        # Otherwise it goes on on the CPU, and tells nobody but its log.
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        of_provider = {
            "device_id": str(index),
            "use_tf32": str(int(numerics_of(self._spec.precision) == "tf32")),
            "cudnn_conv_algo_search": "EXHAUSTIVE",
        }
        try:
            session = onnxruntime.InferenceSession(
                self._model, options, providers=[(_PROVIDER, of_provider)]
            )
        except Exception as error:  # what it raises has no common base
            raise EngineError(f"ONNX Runtime cannot load {self._model} on CUDA: {error}") from error
        if session.get_providers()[0] != _PROVIDER:
            raise EngineError(
                f"ONNX Runtime runs the model by {session.get_providers()[0]}, not by {_PROVIDER}",
                hint="the worker's log says which of CUDA's libraries it has not found",
            )
        return _Runner(session, index)

    def clock(self) -> int:
        """Returns CLOCK_MONOTONIC in ns."""
        return time.perf_counter_ns()

    def observe(self, infer: Callable[[], object]) -> str:
        """Returns a line for each kernel of one inference."""
        return self._observe(infer)

    def close(self) -> None:
        """Leaves everything to the end of the process."""


class _Runner:
    def __init__(self, session: Any, device: int) -> None:
        self._session = session
        self._device = device

    def prepare(self, batch: NDArray[np.float32]) -> Any:
        """Returns a copy in the GPU's memory; it takes pictures channels first."""
        array = np.ascontiguousarray(batch, np.float32)
        return onnxruntime.OrtValue.ortvalue_from_numpy(array, "cuda", self._device)

    def windows(self, pictures: NDArray[np.float32], size: int) -> Callable[[int], Any]:
        return lambda first: self.prepare(pictures[first : first + size])

    def infer(self, prepared: Any) -> Any:
        """Returns when the GPU is done: the provider waits for its stream at the end of a run."""
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(INPUT, prepared)
        binding.bind_output(OUTPUT, "cuda", self._device)
        self._session.run_with_iobinding(binding)
        return binding.get_outputs()[0]

    def logits(self, output: Any) -> NDArray[np.float32]:
        array: NDArray[np.float32] = output.numpy()
        return array
