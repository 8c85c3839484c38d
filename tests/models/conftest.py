"""A file of weights in torchvision's format, made once for all tests of this floor."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def torch_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict as torchvision's resnet50 saves it: our random one and training's counters."""
    import torch

    from r50bench.models.state_dict import load_state_dict

    tensors = load_state_dict("v1.5", "random:3")
    norms = [name.removesuffix(".running_var") for name in tensors if "running_var" in name]
    counters = {f"{norm}.num_batches_tracked": torch.tensor(0) for norm in norms}
    path = tmp_path_factory.mktemp("torchvision") / "resnet50.pth"
    torch.save({**tensors, **counters}, path)
    return path
