"""ONNX Runtime on the CPU, as a peer: its default provider, with every graph optimisation."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from r50bench.engines.base import EngineSpec
from r50bench.engines.evidence.judge import PEER_PREFIX
from r50bench.engines.onnx.export import BATCH_DIMENSION, INPUT, ONNX_FILE, OUTPUT
from r50bench.errors import EngineError

__all__ = ["OnnxRuntimeEngine"]

_CONVOLUTIONS = frozenset({"Conv", "FusedConv", "NhwcFusedConv", "QLinearConv", "ConvInteger"})
_TYPES = {"float": "f32", "uint8": "u8", "int8": "s8", "float16": "f16"}


class OnnxRuntimeEngine:
    """Runs ``spec.artifact``'s ONNX file; every instance has a session and threads of its own.

    The file's batch dimension is fixed when it is loaded, so that nothing is left to run time.
    """

    def __init__(self, spec: EngineSpec) -> None:
        if spec.artifact is None:
            raise EngineError("engine onnxruntime: the spec names no model")
        self.name = spec.engine
        self.version = f"onnxruntime {onnxruntime.__version__}"
        self._spec = spec
        self._model = str(Path(spec.artifact) / ONNX_FILE)
        self._profile: _Profile | None = None
        self._log = ""

    def runner(self, index: int) -> _Runner:
        """Returns the way in of instance ``index``; see :class:`.base.Engine`."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._spec.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_free_dimension_override_by_name(BATCH_DIMENSION, self._spec.batch_size)
        if index > 0:
            return _Runner(self._session(options))
        # Only a session that is made for it has a profile; it ends with the first observation.
        with tempfile.TemporaryDirectory(prefix="r50bench-") as folder:
            options.enable_profiling = True
            options.profile_file_prefix = f"{folder}/profile"
            session = self._session(options)
            self._profile = _Profile(session, Path(folder))
        return _Runner(session)

    def _session(self, options: Any) -> Any:
        try:
            return onnxruntime.InferenceSession(
                self._model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # what it raises has no common base
            raise EngineError(
                f"ONNX Runtime cannot load {self._model}: {error}",
                hint="remove that folder's parent; the model will be made again",
            ) from error

    def clock(self) -> int:
        """Returns CLOCK_MONOTONIC in ns."""
        return time.perf_counter_ns()

    def observe(self, infer: Callable[[], object]) -> str:
        """Returns the convolutions of one inference as ONNX Runtime's profile has them.

        It names operators and types; the kernels of its library MLAS choose their instruction set
        by themselves and say nothing of it.
        """
        if self._profile is not None:
            infer()
            self._log = self._profile.end()
            self._profile = None
        return self._log

    def close(self) -> None:
        """Leaves everything to the end of the process."""


class _Runner:
    def __init__(self, session: Any) -> None:
        self._run = session.run_with_ort_values

    def prepare(self, batch: NDArray[np.float32]) -> Any:
        """Returns a copy where ONNX Runtime would put it; it takes pictures channels first."""
        value = onnxruntime.OrtValue.ortvalue_from_shape_and_type(list(batch.shape), np.float32)
        value.update_inplace(np.ascontiguousarray(batch, np.float32))
        return value

    def windows(self, pictures: NDArray[np.float32], size: int) -> Callable[[int], Any]:
        def window(first: int) -> Any:
            batch = np.ascontiguousarray(pictures[first : first + size], np.float32)
            return onnxruntime.OrtValue.ortvalue_from_numpy(batch)

        return window

    def infer(self, prepared: Any) -> Any:
        return self._run([OUTPUT], {INPUT: prepared})[0]

    def logits(self, output: Any) -> NDArray[np.float32]:
        array: NDArray[np.float32] = output.numpy()
        return array


class _Profile:
    """The profile that a session is writing, read through a descriptor of its own.

    The file has no name any more once its folder is gone, so that a worker that is killed leaves
    nothing behind.
    """

    def __init__(self, session: Any, folder: Path) -> None:
        self._session = session
        (path,) = folder.iterdir()
        self._file: TextIO = path.open()

    def end(self) -> str:
        """Stops profiling; returns a line for each convolution of the last inference."""
        self._session.end_profiling()
        with self._file as file:
            events = json.load(file)
        last = max(event["ts"] for event in events if event["name"] == "model_run")
        nodes = [
            event["args"]
            for event in events
            if event.get("cat") == "Node" and event["ts"] >= last and "op_name" in event["args"]
        ]
        return "".join(
            f"{PEER_PREFIX}convolution,{node['op_name']}:mlas,{_source_type(node)}\n"
            for node in nodes
            if node["op_name"] in _CONVOLUTIONS
        )


def _source_type(node: dict[str, Any]) -> str:
    (kind,) = node["input_type_shape"][0]
    return _TYPES.get(kind, str(kind))
