"""A runner's way into kernels that are made up here: it needs no CPU in particular."""

from __future__ import annotations

import ctypes
import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from r50bench.engines.base import EngineSpec
from r50bench.engines.r50 import engine as r50
from r50bench.engines.r50.engine import R50Engine
from r50bench.engines.r50.plan import PLAN_FILE
from r50bench.models.architecture import CLASSES

SCALES = np.arange(CLASSES, dtype=np.float32)


class ScriptedKernels:
    """Has the functions of the library; its logits are the scales that the plan points to."""

    def __init__(self) -> None:
        self._allocated: list[Any] = []

    def r50_allocate(self, size: int) -> int:
        self._allocated.append(ctypes.create_string_buffer(size))
        return ctypes.addressof(self._allocated[-1])

    def r50_arena(self, plan: object) -> int:
        return self.r50_allocate(1)

    def r50_misfit(self, plan: object) -> int:
        return -1

    def r50_run(
        self, plan: Any, arenas: Any, threads: int, pictures: Any, count: int, logits: int, *_: Any
    ) -> None:
        for at in range(count):
            ctypes.memmove(logits + at * SCALES.nbytes, plan._obj.scales, SCALES.nbytes)


def engine_of(folder: Path) -> R50Engine:
    numbers = {"steps": (1, 1), "of_step": 1, "shape": 3}
    arrays = {name: np.ones(shape, np.int64) for name, shape in numbers.items()}
    values = {name: np.ones(2, np.float32) for name in ("weights", "biases", "input")}
    np.savez(folder / PLAN_FILE, scales=SCALES, **arrays, **values)
    return R50Engine(
        EngineSpec(
            engine="r50",
            device="cpu",
            precision="avx_fp32",
            graph="v1.5",
            convention="torchvision",
            state_dict="random:7",
            batch_size=2,
            threads=1,
            artifact=str(folder),
            kernels="made up",
        )
    )


def test_a_runner_keeps_what_its_kernels_read_though_nobody_else_has_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(r50, "load_library", lambda path: ScriptedKernels())
    engine = engine_of(tmp_path)
    kept = weakref.ref(engine)
    runner = engine.runner(0)
    del engine
    gc.collect()
    assert kept() is not None
    logits = runner.infer(runner.prepare(np.zeros((2, 3, 224, 224), np.float32)))
    assert np.array_equal(logits, [SCALES, SCALES])
