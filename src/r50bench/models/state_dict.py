"""Reading a ResNet-50 state dict: from a torch file, from an npz, or drawn from a seed."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from r50bench.errors import AssetError
from r50bench.models.architecture import tensor_shapes

__all__ = ["RANDOM_PREFIX", "load_state_dict"]

RANDOM_PREFIX = "random:"
_COUNTERS = ".num_batches_tracked"  # kept by torchvision for training only
_RESIDUAL_GAIN = 0.5
_NPZ_ERRORS = (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile)


def load_state_dict(graph: str, source: str) -> dict[str, torch.Tensor]:
    """Returns float32 tensors under torchvision's names, just those that ``graph`` has.

    ``source`` is the path of a torch file or an ``.npz``, or ``random:<seed>``. A torch file may
    hold the state dict under the key ``state_dict``, and its names may begin with ``module.``.
    v1 and v1.5 have tensors of the same names and shapes: a file does not tell which it is.

    Raises:
        AssetError: the file is no state dict, is refused by torch's safe unpickler, or one of
            its tensors is missing, unknown, of the wrong shape or not of floating point.
    """
    if source.startswith(RANDOM_PREFIX):
        return _random(graph, int(source.removeprefix(RANDOM_PREFIX)))
    path = Path(source)
    if not path.is_file():
        raise AssetError(f"no such file of weights: {path}")
    tensors = _read_npz(path) if path.suffix == ".npz" else _read_torch(path)
    _check(path, tensors, tensor_shapes(graph))
    return {name: tensor.float() for name, tensor in tensors.items()}


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        # np.load leaves a file open that it opened itself and then refuses.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except _NPZ_ERRORS as error:
        raise _no_state_dict(path, f"it cannot be read as an npz: {error}") from error


def _read_torch(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile pickle can raise anything
        # What follows torch's first sentence is advice to load it unsafely.
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise _no_state_dict(path, f"torch refuses it: {reason}") from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
        raise _no_state_dict(path, f"it holds {type(content).__name__}")
    named = {str(name).removeprefix("module."): tensor for name, tensor in content.items()}
    return {name: tensor for name, tensor in named.items() if not name.endswith(_COUNTERS)}


def _check(path: Path, tensors: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    for name, shape in shapes.items():
        if name not in tensors:
            raise _no_state_dict(path, f"{name} {shape} is missing")
        tensor = tensors[name]
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            kind = tensor.dtype if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            raise _no_state_dict(path, f"{name} is {kind}, not a floating-point tensor")
        if tuple(tensor.shape) != shape:
            actual = tuple(tensor.shape)
            raise _no_state_dict(path, f"{name} has the shape {actual} instead of {shape}")
    unknown = sorted(tensors.keys() - shapes.keys())
    if unknown:
        raise _no_state_dict(path, f"{unknown[0]} is no tensor of ResNet-50")


def _no_state_dict(path: Path, why: str) -> AssetError:
    return AssetError(
        f"{path} is no state dict of ResNet-50: {why}",
        hint="expected: a file saved with torch.save(model.state_dict(), …) from torchvision's "
        "resnet50, or an .npz of float32 arrays under the same names",
    )


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
