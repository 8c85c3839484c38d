"""int8 by PT2E: the graph is exported, observed on real pictures, and given its scales.

Activations are unsigned 8-bit per tensor, weights signed 8-bit per channel, as the architecture's
inductor quantizer in torchao has it; inductor later fuses each dequantise-convolve-quantise chain
into one oneDNN primitive.
"""

from __future__ import annotations

import platform
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

__all__ = ["quantise"]


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
