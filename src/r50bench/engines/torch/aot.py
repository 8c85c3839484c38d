"""The product: a model compiled ahead by AOTInductor, loaded from the folder of its package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from r50bench.engines.base import EngineSpec
from r50bench.engines.torch.base import TorchEngine
from r50bench.engines.torch.shared_loader import load_loader
from r50bench.errors import EngineError

__all__ = ["AotEngine"]


class AotEngine(TorchEngine):
    """Runs the unpacked package ``spec.artifact``, which takes batches of one size only.

    One runner is torch's own, without importing inductor's Python (saves 1.5 s). That holds the GIL
    for the whole inference, so several runners, and one beside which Python must run, go through
    :mod:`r50bench.engines.torch.shared_loader`.
    """

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        if spec.artifact is None:
            raise EngineError("engine torch: the spec names no compiled model")
        self._model = _load(spec, spec.artifact)

    def _forward(self, batch: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._model.run([batch])[0]
        return logits


def _load(spec: EngineSpec, folder: str) -> Any:
    try:
        library = _compiled_library(Path(folder))
        if spec.runners > 1 or spec.beside_python:
            if spec.loader is None:
                raise EngineError("engine torch: the spec names no loader beside torch's own")
            return load_loader(spec.loader).Model(library, spec.runners)
        return torch._C._aoti.AOTIModelContainerRunnerCpu(library, 1)
    except (OSError, RuntimeError) as error:
        raise EngineError(
            f"the compiled model {folder} cannot be loaded: {error}",
            hint="remove that folder's parent; the model will be compiled again",
        ) from error


def _compiled_library(folder: Path) -> str:
    """Returns the one library of an unpacked package, which has the weights in it.

    It is loaded as torch's loader of packages does it, which takes folders from torch 2.13 on only.

    Raises:
        OSError: there is none, or more than one.
    """
    found = [str(path) for path in folder.rglob("*.so")]
    if len(found) != 1:
        raise OSError(f"it holds {len(found)} compiled libraries instead of one")
    return found[0]
