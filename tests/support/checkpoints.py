"""State dicts of ResNet-50 in files that are small on the disk."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np

from r50bench.models.architecture import tensor_shapes


def flat_npz(path: Path, value: float = 0.5) -> Path:
    """Writes an .npz whose tensors have every name and shape, and one value each; returns it."""
    path.write_bytes(_flat(value))
    return path


@cache
def _flat(value: float) -> bytes:
    arrays = {
        name: np.full(shape, value, np.float32) for name, shape in tensor_shapes("v1.5").items()
    }
    file = BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()
