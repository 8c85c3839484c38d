"""The state dict of ResNet-50 as torch takes it: from a checkpoint, or drawn from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from r50bench.models.architecture import tensor_shapes
from r50bench.models.checkpoint import read_checkpoint

__all__ = ["RANDOM_PREFIX", "load_state_dict"]

RANDOM_PREFIX = "random:"
_RESIDUAL_GAIN = 0.5


def load_state_dict(graph: str, source: str) -> dict[str, torch.Tensor]:
    """Returns float32 tensors under torchvision's names, just those that ``graph`` has.

    ``source`` is the path of a checkpoint as :mod:`r50bench.models.checkpoint` reads it, or
    ``random:<seed>``.

    Raises:
        AssetError: as :func:`.read_checkpoint`.
    """
    if source.startswith(RANDOM_PREFIX):
        return _random(graph, int(source.removeprefix(RANDOM_PREFIX)))
    arrays = read_checkpoint(Path(source), graph)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _random(graph: str, seed: int) -> dict[str, torch.Tensor]:
    """Draws He-normal weights; batch-norms pass their input on, the last of a block halved.

    Halving keeps 16 residual sums from adding up to activations beyond int8's and bf16's comfort:
    the variance grows by at most 1.25 per block. numpy draws, so that no torch version differs.
    """
    generator = np.random.default_rng(seed)
    tensors = {}
    for name, shape in tensor_shapes(graph).items():
        if len(shape) > 1:
            # He et al. 2015, https://arxiv.org/abs/1502.01852; the classifier has no ReLU behind
            gain = 1.0 if name == "fc.weight" else 2.0
            deviation = (gain / np.prod(shape[1:])) ** 0.5
            array = generator.standard_normal(shape, np.float32) * np.float32(deviation)
        elif name.endswith("bn3.weight"):
            array = np.full(shape, _RESIDUAL_GAIN, np.float32)
        elif name.endswith((".running_var", ".weight")):
            array = np.ones(shape, np.float32)
        else:
            array = np.zeros(shape, np.float32)
        tensors[name] = torch.from_numpy(array)
    return tensors
