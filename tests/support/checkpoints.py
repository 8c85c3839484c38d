"""State dicts of ResNet-50 in files that are small on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from r50bench.models.architecture import tensor_shapes


def flat_npz(path: Path) -> Path:
    """Writes an .npz whose tensors have every name and shape, and one value each; returns it."""
    arrays = {
        name: np.full(shape, 0.5, np.float32) for name, shape in tensor_shapes("v1.5").items()
    }
    np.savez_compressed(path, **arrays)
    return path
