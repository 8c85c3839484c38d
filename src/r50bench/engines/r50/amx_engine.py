"""Kernels of our own for AMX, on their plan. See ``kernels/amx/network.cpp``."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from r50bench.engines.base import EngineSpec
from r50bench.engines.r50.amx_plan import LAYER_FIELDS
from r50bench.engines.r50.engine import R50Engine
from r50bench.errors import Unsupported

__all__ = ["AmxEngine", "AmxPlan", "amx_plan_of"]


class AmxPlan(ctypes.Structure):
    """Mirrors ``Plan`` of ``kernels/amx/plan.h``."""

    _fields_ = (
        ("steps", ctypes.c_void_p),
        ("groups", ctypes.c_void_p),
        ("variants", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("tables", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("constants", ctypes.c_void_p),
        ("arena_bytes", ctypes.c_int64),
        ("scratch", ctypes.c_int64),
        ("input_scale", ctypes.c_float),
        ("input_zero", ctypes.c_float),
    )


class AmxEngine(R50Engine):
    """Like :class:`.R50Engine`, by tiles.

    Raises:
        Unsupported: the kernel keeps tiles from this process.
    """

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        if not self._library.r50_permitted():
            raise Unsupported(
                "the kernel keeps AMX from this process: arch_prctl refuses the tiles' data",
                hint="Linux 5.16 or newer grants it, some sandboxes do not; avx_int8 and avx_fp32"
                " need no permission",
            )

    def _plan_of_arrays(self) -> AmxPlan:
        return amx_plan_of(self._arrays, self._kept_weights())

    def _log(self, times: NDArray[np.int64]) -> list[str]:
        """A step with two layers is one sum over both; its time is shared by their products."""
        layers = [
            dict(zip(LAYER_FIELDS, (int(number) for number in row), strict=True))
            for row in self._arrays["layers"]
        ]
        of_step = np.zeros(len(times))
        for layer in layers:
            of_step[layer["step"]] += _products(layer)
        lines = []
        for layer in layers:
            share = _products(layer) / of_step[layer["step"]]
            if nanoseconds := times[layer["step"]]:
                kind = "convolution" if layer["kernel"] else "matmul"
                shape = self._shape_of(kind, layer)
                lines.append(self._line(kind, bool(layer["adds"]), shape, share * nanoseconds))
        return lines

    def _shape_of(self, kind: str, layer: dict[str, int]) -> str:
        if kind == "matmul":
            return self._matmul_shape(layer["channels_in"], layer["channels_out"])
        return self._convolution_shape(
            (layer["channels_in"], layer["channels_out"]),
            (layer["size_in"], layer["size_out"]),
            kernel=layer["kernel"],
            stride=layer["stride"],
        )


def amx_plan_of(arrays: dict[str, NDArray[Any]], weights: int) -> AmxPlan:
    """Returns the plan that ``arrays`` hold, which must live on; ``weights`` is their address."""
    arena_bytes, scratch = (int(number) for number in arrays["shape"])
    variants, count, _ = arrays["steps"].shape
    return AmxPlan(
        arrays["steps"].ctypes.data,
        arrays["groups"].ctypes.data,
        variants,
        count,
        arrays["tables"].ctypes.data,
        weights,
        arrays["constants"].ctypes.data,
        arena_bytes,
        scratch,
        float(arrays["input"][0]),
        float(arrays["input"][1]),
    )


def _products(layer: dict[str, int]) -> int:
    taps = max(layer["kernel"], 1) ** 2 * layer["size_out"] ** 2
    return taps * layer["channels_in"] * layer["channels_out"]
