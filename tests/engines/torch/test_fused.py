"""The graph with everything fused gives what the graph gives; its kernels run on a GPU alone."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from r50bench.engines.torch.cuda import set_fp32_precision
from r50bench.engines.torch.fused import FusedResNet50
from r50bench.engines.torch.recipes import InHalf
from r50bench.models.architecture import GRAPHS
from r50bench.models.resnet50 import build_model
from r50bench.models.strides import pull_strides_back


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_fused_graph_answers_as_the_graph_does(graph: str) -> None:
    batch = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = build_model(graph, "random:1")(batch)
        fused = FusedResNet50(pull_strides_back(build_model(graph, "random:1")))
        assert torch.allclose(fused(batch), wanted, rtol=1e-3, atol=1e-3)
        rounded = InHalf(fused, torch.bfloat16)(batch)
    assert rounded.dtype == torch.float32
    assert torch.allclose(rounded, wanted, rtol=0.1, atol=0.1 * float(wanted.abs().max()))


@pytest.mark.parametrize(
    ("numerics", "allowed"), [("tf32", True), ("fp32", False), ("bf16", False)]
)
def test_float32_is_multiplied_as_the_precision_says_and_export_still_works(
    numerics: str, allowed: bool
) -> None:
    set_fp32_precision(numerics)
    try:
        assert torch.backends.cuda.matmul.allow_tf32 is allowed
        assert torch.backends.cudnn.allow_tf32 is allowed
        # What torch.export does: it fails where convolutions and recurrent layers differ.
        with torch.backends.cudnn.flags(enabled=False):
            pass
    finally:
        set_fp32_precision("fp32")
