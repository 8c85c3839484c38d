"""OpenVINO's CPU plugin, as a peer: one stream, tuned for latency, on the cores of the instance."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from r50bench.engines.base import EngineSpec
from r50bench.engines.evidence.judge import PEER_PREFIX
from r50bench.engines.openvino.convert import OPENVINO_FILE
from r50bench.errors import EngineError
from r50bench.models.architecture import INPUT_SIZE
from r50bench.precision import numerics_of

__all__ = ["OpenVinoEngine"]

_TYPES = {"i8": "s8"}


class OpenVinoEngine:
    """Runs the model in ``spec.artifact``; every instance has a compiled model of its own.

    The batch size is fixed before it is compiled. OpenVINO's own pinning stays off: instances are
    bound already, and their threads with them.
    """

    def __init__(self, spec: EngineSpec) -> None:
        if spec.artifact is None:
            raise EngineError("engine openvino: the spec names no model")
        self.name = spec.engine
        self.version = f"openvino {openvino.__version__.partition('-')[0]}"
        self._compiled: list[Any] = []
        self._core = openvino.Core()
        self._model = _read(self._core, Path(spec.artifact) / OPENVINO_FILE)
        self._model.reshape([spec.batch_size, INPUT_SIZE, INPUT_SIZE, 3])
        self._properties = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": spec.threads,
            # What int8 leaves in float stays float32, which is as fast.
            "INFERENCE_PRECISION_HINT": "bf16" if numerics_of(spec.precision) == "bf16" else "f32",
            "ENABLE_CPU_PINNING": False,
            "ENABLE_HYPER_THREADING": False,
        }

    def runner(self, index: int) -> _Runner:
        """Returns the way in of instance ``index``; see :class:`.base.Engine`."""
        compiled = self._core.compile_model(self._model, "CPU", self._properties)
        self._compiled.append(compiled)
        return _Runner(compiled.create_infer_request())

    def clock(self) -> int:
        """Returns CLOCK_MONOTONIC in ns."""
        return time.perf_counter_ns()

    def observe(self, infer: Callable[[], object]) -> str:
        """Returns the convolutions of the graph that ran: its execution graph names the kernels."""
        infer()
        return "".join(_convolutions(self._compiled[0]))

    def close(self) -> None:
        """Leaves everything to the end of the process."""


class _Runner:
    """Takes pictures channels last."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def prepare(self, batch: NDArray[np.float32]) -> Any:
        channels_last = batch.transpose(0, 2, 3, 1)
        tensor = openvino.Tensor(openvino.Type.f32, openvino.Shape(channels_last.shape))
        tensor.data[...] = channels_last
        return tensor

    def windows(self, pictures: NDArray[np.float32], size: int) -> Callable[[int], Any]:
        channels_last = pictures.transpose(0, 2, 3, 1)

        def window(first: int) -> Any:
            batch = np.ascontiguousarray(channels_last[first : first + size], np.float32)
            return openvino.Tensor(batch, shared_memory=True)

        return window

    def infer(self, prepared: Any) -> Any:
        self._request.set_input_tensor(prepared)
        return self._request.infer()

    def logits(self, output: Any) -> NDArray[np.float32]:
        array: NDArray[np.float32] = output[0]
        return array


def _read(core: Any, path: Path) -> Any:
    try:
        return core.read_model(path)
    except RuntimeError as error:
        raise EngineError(
            f"OpenVINO cannot load {path}: {error}",
            hint="remove that folder's parent; the model will be made again",
        ) from error


def _convolutions(compiled: Any) -> Iterator[str]:
    for node in compiled.get_runtime_model().get_ops():
        facts = node.get_rt_info()
        if facts["layerType"].value == "Convolution":
            source = facts["runtimePrecision"].value
            kernel = _with_isa_last(facts["primitiveType"].value)
            yield f"{PEER_PREFIX}convolution,{kernel},{_TYPES.get(source, source)}\n"


def _with_isa_last(primitive: str) -> str:
    """Returns ``brgconv_1x1:avx512`` for ``brgconv_avx512_1x1_I8``: OpenVINO ends it in a type."""
    words = primitive.split("_")[:-1]
    isa = [word for word in words if word.startswith(("avx", "amx", "sse", "asimd", "sve", "acl"))]
    return f"{'_'.join(word for word in words if word not in isa)}:{'_'.join(isa)}"
