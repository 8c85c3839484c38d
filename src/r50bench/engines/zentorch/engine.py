"""zentorch, AMD's plugin for torch, as a peer: torch.compile by its backend, weights frozen."""

from __future__ import annotations

import os
from importlib.metadata import version

import torch

from r50bench.engines.base import EngineSpec
from r50bench.engines.torch.base import TorchEngine
from r50bench.engines.torch.recipes import build_module
from r50bench.errors import EngineError

__all__ = ["ZentorchEngine"]


class ZentorchEngine(TorchEngine):
    """Compiles in its first inference, which takes 5 to 20 s."""

    def __init__(self, spec: EngineSpec) -> None:
        # Inductor, which zentorch builds on, reads both when it is first imported.
        os.environ |= {"TORCHINDUCTOR_FREEZING": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
        super().__init__(spec)
        self.version = f"zentorch {_load_plugin()}, torch {torch.__version__}"
        self._module = torch.compile(build_module(spec), dynamic=False, backend="zentorch")

    def _forward(self, batch: torch.Tensor) -> torch.Tensor:
        # Inference mode is a property of the thread, and instances have threads of their own.
        with torch.inference_mode():
            logits: torch.Tensor = self._module(batch)
        return logits


def _load_plugin() -> str:
    """Registers the backend and returns zentorch's version.

    Raises:
        EngineError: it was built for another torch, or the CPU is not one of its kind.
    """
    try:
        import zentorch  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        raise EngineError(
            f"zentorch {version('zentorch')} cannot be loaded beside torch {torch.__version__}:"
            f" {error}",
            hint="take the zentorch of the same version as torch",
        ) from error
    return version("zentorch")
