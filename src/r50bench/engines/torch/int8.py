"""int8 by PT2E: the graph is exported, observed on real pictures, and given its scales.

Activations are unsigned 8-bit per tensor, weights signed 8-bit per channel, as the architecture's
inductor quantizer in torchao has it; inductor later fuses each dequantise-convolve-quantise chain
into one oneDNN primitive.
"""

from __future__ import annotations

import platform
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from r50bench.models.architecture import INPUT_SIZE

__all__ = ["quantise", "read_quantised", "write_quantised"]

_FILE = "model.pt2"


def quantise(model: nn.Module, batches: Sequence[torch.Tensor]) -> nn.Module:
    """Returns ``model`` with quantise and dequantise nodes, calibrated on ``batches``.

    ``batches`` are normalised float32 (n, 3, 224, 224), n free; the result takes any batch size.
    """
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchao's notes to its own developers
        # Only a strict export says which module a node comes from on torch before 2.13, without
        # which the quantizer finds no convolution and quantises nothing.
        exported = torch.export.export(model, (batches[0],), strict=True)
        # The guards would pin the batch size; nothing else in the graph depends on it.
        graph = exported.module(check_guards=False)
        prepared = prepare_pt2e(graph, _quantizer())
        for batch in batches:
            prepared(batch)
        quantised: nn.Module = convert_pt2e(prepared)
    return quantised


def write_quantised(quantised: torch.fx.GraphModule, folder: Path) -> None:
    """Writes what :func:`quantise` returned, for :func:`read_quantised`."""
    # Without the float32 weights, which no node reads any more: 26 MB instead of 128.
    needed = torch.fx.GraphModule(quantised, quantised.graph)
    picture = torch.zeros(1, 3, INPUT_SIZE, INPUT_SIZE)
    with torch.no_grad():
        torch.export.save(torch.export.export(needed, (picture,)), folder / _FILE)


def read_quantised(folder: Path) -> torch.fx.GraphModule:
    """Returns the module in ``folder``: node by node the one that was written, for any batch size.

    As after :func:`quantise`, inductor has the passes that fuse it.
    """
    _quantizer()  # importing it is what registers them
    exported = torch.export.load(folder / _FILE)
    module = exported.module(check_guards=False)
    # Without the hook that would hold the batch to the one picture of the export.
    return torch.fx.GraphModule(module, module.graph)


def _quantizer() -> Any:
    if platform.machine() == "aarch64":
        import torchao.quantization.pt2e.quantizer.arm_inductor_quantizer as arm

        quantizer = arm.ArmInductorQuantizer()
        quantizer.set_global(arm.get_default_arm_inductor_quantization_config())
        return quantizer
    import torchao.quantization.pt2e.quantizer.x86_inductor_quantizer as x86

    quantizer = x86.X86InductorQuantizer()
    quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
    return quantizer
