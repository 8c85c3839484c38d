"""Kernels of our own on a plan, for CPUs with AVX-512.

Weights and quantisation are torch's; so are tensors and threads. See ``kernels.cpp``.
"""

from __future__ import annotations

import ctypes
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from r50bench import __version__
from r50bench.engines.base import EngineSpec
from r50bench.engines.evidence.judge import R50_PREFIX
from r50bench.engines.r50.kernel_sets import KERNEL_SETS
from r50bench.engines.r50.plan import GROUP, PLAN_FILE, STEP_FIELDS
from r50bench.engines.r50.runner import Pictures, R50Runner
from r50bench.engines.torch.base import TorchEngine
from r50bench.errors import EngineError
from r50bench.models.architecture import INPUT_SIZE
from r50bench.precision import numerics_of

__all__ = ["R50Engine", "load_library"]

_KINDS = ("convolution", "pooling", "pooling", "matmul")  # as kernels.cpp numbers them
_VALUE_BYTES = {"fp32": 4, "bf16": 2, "int8": 1}


class _Plan(ctypes.Structure):
    _fields_ = (
        ("steps", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("weights", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("biases", ctypes.c_void_p),
        ("of_step", ctypes.c_void_p),
        ("arena_bytes", ctypes.c_int64),
        ("group", ctypes.c_int64),
        ("input", ctypes.c_int64),
        ("input_row", ctypes.c_int64),
        ("input_scale", ctypes.c_float),
        ("input_zero", ctypes.c_float),
    )


class R50Engine(TorchEngine):
    """Runs the plan ``spec.artifact`` by the library ``spec.kernels``; batches of any size.

    Runners share the weights; each has ``runner_bytes`` for its activations, on every core. The
    library is called without the interpreter's lock.
    """

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        if spec.artifact is None or spec.kernels is None:
            raise EngineError("engine r50: the spec names no plan, or no kernels for it")
        self.version = f"r50bench {__version__} on {self.version}"
        self._numerics = numerics_of(spec.precision)
        self._library = load_library(spec.kernels)
        self._arrays = _read_plan(Path(spec.artifact))
        self._plan = self._plan_of_arrays()
        misfit = self._library.r50_misfit(ctypes.byref(self._plan))
        if misfit >= 0:
            raise EngineError(f"no kernel fits step {misfit} of {spec.artifact}")
        self.runner_bytes: int = self._plan.arena_bytes
        self._times = ctypes.c_void_p()  # where the next inference leaves what each step took

    def observe(self, infer: Callable[[], object]) -> str:
        """Returns a line per step of one inference: what ran, on what, and for how long."""
        times = np.zeros(self._arrays["steps"].shape[-2], np.int64)
        self._times.value = times.ctypes.data
        try:
            infer()
        finally:
            self._times.value = None
        return "".join(f"{line}\n" for line in self._log(times))

    def _make_runner(self) -> R50Runner:
        threads = torch.get_num_threads()
        arenas = (ctypes.c_void_p * threads)(
            *(self._allocated("r50_arena", ctypes.byref(self._plan)) for _ in range(threads))
        )
        run = partial(self._library.r50_run, ctypes.byref(self._plan), arenas, threads)
        return R50Runner(run, self._times, self)

    def _plan_of_arrays(self) -> Any:
        arrays = self._arrays
        values, entry, row = (int(number) for number in arrays["shape"])
        return _Plan(
            arrays["steps"].ctypes.data,
            len(arrays["steps"]),
            self._kept_weights(),
            arrays["scales"].ctypes.data,
            arrays["biases"].ctypes.data,
            arrays["of_step"].ctypes.data,
            values * _VALUE_BYTES[self._numerics],
            GROUP,
            entry,
            row,
            float(arrays["input"][0]),
            float(arrays["input"][1]),
        )

    def _kept_weights(self) -> int:
        """Moves the weights into large pages and returns their address."""
        weights = self._arrays.pop("weights")
        kept = self._allocated("r50_allocate", weights.nbytes)
        ctypes.memmove(kept, weights.ctypes.data, weights.nbytes)
        return kept

    def _allocated(self, function: str, what: Any) -> int:
        found: int | None = getattr(self._library, function)(what)
        if found is None:
            raise EngineError("engine r50: there is no memory for weights or activations")
        return found

    def _log(self, times: NDArray[np.int64]) -> list[str]:
        lines = []
        for row, nanoseconds in zip(self._arrays["steps"], times, strict=True):
            step = dict(zip(STEP_FIELDS, (int(number) for number in row), strict=True))
            kind = _KINDS[step["kind"]]
            if nanoseconds:
                shape = self._shape_of(kind, step)
                lines.append(self._line(kind, step["residual"] >= 0, shape, nanoseconds))
        return lines

    def _line(self, kind: str, adds: bool, shape: str, nanoseconds: float) -> str:
        """Returns a line of the log, as oneDNN writes one; ``adds``: a residual, too."""
        kernels = KERNEL_SETS[self._spec.precision]
        attributes = f"{kernels.attributes} attr-post-ops:sum" if adds else kernels.attributes
        return (
            f"{R50_PREFIX}exec,cpu,{kind},direct:{kernels.isa},forward_inference,{kernels.types},"
            f"{attributes.strip()},,{shape},{nanoseconds / 1e6:.6f}"
        )

    def _shape_of(self, kind: str, step: dict[str, int]) -> str:
        if kind == "matmul":
            channels = step["groups"] * 4 // _VALUE_BYTES[self._numerics]
            return self._matmul_shape(channels, step["size_out"])
        rows = step["kernel_rows"]
        values = step["kernel_columns"] * step["groups"] * 4 // _VALUE_BYTES[self._numerics]
        return self._convolution_shape(
            (values // max(rows, 1), step["channels_out"]),
            (INPUT_SIZE if rows == 7 else step["height"], step["size_out"]),
            kernel=rows,
            stride=step["stride"],
        )

    def _matmul_shape(self, channels: int, classes: int) -> str:
        """Returns it as oneDNN's log has it."""
        return f"{self._spec.batch_size}x{channels}:{channels}x{classes}"

    def _convolution_shape(
        self, channels: tuple[int, int], sizes: tuple[int, int], *, kernel: int, stride: int
    ) -> str:
        """Returns it as oneDNN's log has it; channels and sizes are (in, out)."""
        across = "_".join(
            f"i{axis}{sizes[0]}o{axis}{sizes[1]}k{axis}{kernel}s{axis}{stride}d{axis}0"
            f"p{axis}{kernel // 2}"
            for axis in "hw"
        )
        return f"mb{self._spec.batch_size}_ic{channels[0]}oc{channels[1]}_{across}"


def load_library(path: str) -> Any:
    """Returns the kernels' library, its functions ready to be called.

    Raises:
        EngineError: it cannot be loaded.
    """
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise EngineError(
            f"the kernels {path} cannot be loaded: {error}",
            hint="remove that folder; they will be built again",
        ) from error
    library.r50_allocate.restype = library.r50_arena.restype = ctypes.c_void_p
    library.r50_allocate.argtypes = (ctypes.c_int64,)
    library.r50_arena.argtypes = (ctypes.c_void_p,)
    library.r50_misfit.restype = ctypes.c_int64
    library.r50_misfit.argtypes = (ctypes.c_void_p,)
    library.r50_run.restype = None
    library.r50_run.argtypes = (
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(Pictures)),
        *(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p),
    )
    return library


def _read_plan(folder: Path) -> dict[str, NDArray[Any]]:
    try:
        # np.load leaves a file open that it opened itself and then refuses.
        with (folder / PLAN_FILE).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: np.ascontiguousarray(arrays[name]) for name in arrays.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise EngineError(
            f"the compiled model {folder} cannot be loaded: {error}",
            hint="remove that folder's parent; the model will be compiled again",
        ) from error
