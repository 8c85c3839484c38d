"""The model as a torch module whose numerics are those of the precision; float32 in and out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from r50bench.assets.preprocess import normalise
from r50bench.engines.base import EngineSpec
from r50bench.errors import EngineError
from r50bench.models.architecture import INPUT_SIZE
from r50bench.models.resnet50 import build_model
from r50bench.models.strides import pull_strides_back
from r50bench.precision import numerics_of

__all__ = ["HALF_TYPES", "InHalf", "build_module", "example_input"]

HALF_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""By numerics: the types of 16 bits in which weights and activations are kept."""

_CALIBRATION_BATCH = 10
_NUMERICS = ("fp32", "tf32", "bf16", "fp16", "bf32", "int8")


class InHalf(nn.Module):  # type: ignore[misc]
    """Weights and activations in a type of 16 bits between float32 ends."""

    def __init__(self, model: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.model = model.to(dtype)
        self.dtype = dtype

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(batch.to(self.dtype)).float()
        return logits


def build_module(spec: EngineSpec) -> nn.Module:
    """Returns the model of ``spec``, on the CPU, taking a float32 batch and giving float32 logits.

    bf32 and tf32 are the float32 module: only the convolutions' inner precision differs, which
    :func:`.base.open_device` sets.

    Raises:
        EngineError: int8 without calibration pictures, or numerics that no module has.
    """
    numerics = numerics_of(spec.precision)
    if numerics not in _NUMERICS:
        raise EngineError(
            f"no torch module computes in {numerics}",
            hint=f"what is built here computes in {', '.join(_NUMERICS)}",
        )
    if numerics == "int8":
        return _int8_module(spec)
    model = _float32_module(spec)
    return InHalf(model, HALF_TYPES[numerics]) if numerics in HALF_TYPES else model


def example_input(spec: EngineSpec) -> torch.Tensor:
    """Returns a channels-last float32 batch of the spec's size, on its device."""
    shape = (spec.batch_size, 3, INPUT_SIZE, INPUT_SIZE)
    return torch.zeros(shape, device=spec.device).contiguous(memory_format=torch.channels_last)


def _float32_module(spec: EngineSpec) -> nn.Module:
    return pull_strides_back(build_model(spec.graph, spec.state_dict))


def _int8_module(spec: EngineSpec) -> nn.Module:
    # With torchao, which the others do without.
    from r50bench.engines.torch.int8 import quantise, read_quantised

    if spec.quantised is not None:
        return read_quantised(Path(spec.quantised))
    return quantise(_float32_module(spec), _calibration_batches(spec))


def _calibration_batches(spec: EngineSpec) -> list[torch.Tensor]:
    if spec.calibration is None:
        raise EngineError("int8 needs pictures to calibrate on, and the spec names none")
    pictures = np.load(spec.calibration, mmap_mode="r")
    return [
        torch.from_numpy(normalise(pictures[at : at + _CALIBRATION_BATCH], spec.convention))
        for at in range(0, len(pictures), _CALIBRATION_BATCH)
    ]
