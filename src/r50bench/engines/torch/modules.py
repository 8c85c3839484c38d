"""Engines for comparison that keep the model as a torch module: eager, or compiled on first use."""

from __future__ import annotations

import copy
import os

import torch

from r50bench.engines.base import EngineSpec
from r50bench.engines.torch.base import Forward, TorchEngine
from r50bench.engines.torch.recipes import build_module
from r50bench.errors import Unsupported
from r50bench.precision import PRECISIONS

__all__ = ["ModuleEngine"]


class ModuleEngine(TorchEngine):
    """``torch-eager`` runs the module as it is, ``torch-compile`` by inductor with freezing.

    The latter compiles in its first inference, which takes 5 to 15 s.
    """

    def __init__(self, spec: EngineSpec) -> None:
        if spec.engine == "torch-eager" and PRECISIONS[spec.precision].numerics.calibrated:
            raise Unsupported(
                "engine torch-eager has no int8 convolutions: it would emulate them in float32",
                hint="take engine torch or torch-compile",
            )
        if spec.engine == "torch-compile":
            # Inductor reads it when it is first imported. Its settings made in Python later on are
            # those of one thread, and instances have threads of their own.
            os.environ["TORCHINDUCTOR_FREEZING"] = "1"
        super().__init__(spec)
        module = build_module(spec)
        self._plain = module
        self._module = _compile(module) if spec.engine == "torch-compile" else module

    def _forward(self, batch: torch.Tensor) -> torch.Tensor:
        return _inferred(self._module, batch)

    def _forward_on(self, device: torch.device) -> Forward:
        module = copy.deepcopy(self._plain).to(device)
        if self._spec.engine == "torch-compile":
            module = _compile(module)
        return lambda batch: _inferred(module, batch)


def _inferred(module: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
    # Inference mode is a property of the thread, and instances have threads of their own.
    with torch.inference_mode():
        logits: torch.Tensor = module(batch)
    return logits


def _compile(module: torch.nn.Module) -> torch.nn.Module:
    compiled: torch.nn.Module = torch.compile(module, dynamic=False, options={"compile_threads": 1})
    return compiled
