"""State dicts of ResNet-50 in files that are small on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from r50bench.models.architecture import tensor_shapes


def flat_npz(path: Path, value: float = 0.5) -> Path:
    """Writes an .npz whose tensors have every name and shape, and one value each; returns it."""
    arrays = {
        name: np.full(shape, value, np.float32) for name, shape in tensor_shapes("v1.5").items()
    }
    with path.open("wb") as file:  # under this very name
        np.savez_compressed(file, **arrays)
    return path
