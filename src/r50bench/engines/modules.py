"""Engines for comparison that keep the model as a torch module: eager, and compiled at load."""

from __future__ import annotations

import torch

from r50bench.case import numerics_of
from r50bench.engines.base import EngineSpec
from r50bench.engines.recipes import build_module, example_input
from r50bench.engines.torch_device import TorchEngine
from r50bench.errors import Unsupported

__all__ = ["ModuleEngine"]


class ModuleEngine(TorchEngine):
    """``torch-eager`` runs the module as it is, ``torch-compile`` by inductor with freezing."""

    def __init__(self, spec: EngineSpec) -> None:
        if spec.engine == "torch-eager" and numerics_of(spec.precision) == "int8":
            raise Unsupported(
                "engine torch-eager has no int8 convolutions: it would emulate them in float32",
                hint="take engine torch or torch-compile",
            )
        super().__init__(spec)
        module = build_module(spec).to(self._device)
        self._module = _compile(module, spec) if spec.engine == "torch-compile" else module

    def _forward(self, batch: torch.Tensor) -> torch.Tensor:
        # Inference mode is a property of the thread, and instances have threads of their own.
        with torch.inference_mode():
            logits: torch.Tensor = self._module(batch)
        return logits


def _compile(module: torch.nn.Module, spec: EngineSpec) -> torch.nn.Module:
    import torch._inductor.config

    # Not among the options of torch.compile: dynamo, too, must know it, to take weights as constants.
    torch._inductor.config.freezing = True
    compiled: torch.nn.Module = torch.compile(module, dynamic=False, options={"compile_threads": 1})
    with torch.inference_mode():
        compiled(example_input(spec))
    return compiled
