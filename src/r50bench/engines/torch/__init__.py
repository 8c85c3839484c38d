"""PyTorch as it ships: compiled ahead by AOTInductor, by torch.compile, or eager."""

from __future__ import annotations

from dataclasses import replace

from r50bench.engines.base import CPU_NUMERICS, CUDA_NUMERICS, EngineDescriptor
from r50bench.host.topology import Host
from r50bench.precision import PRECISIONS

__all__ = ["AOT", "COMPILE", "EAGER"]


def _lacking(host: Host, precision: str) -> str:
    row = PRECISIONS[precision]
    if row.device == "cuda":
        from r50bench.engines.torch.cuda_build import no_cuda_build  # most cases run on CPUs

        return no_cuda_build()
    if row.arch == "aarch64" and row.numerics.calibrated:
        from r50bench.engines.torch.arm_int8 import no_int8_on_arm  # few run there

        return no_int8_on_arm(host)
    return ""


AOT = EngineDescriptor(
    name="torch",
    framework="PyTorch",
    query_word="pytorch",
    variant="AOTInductor",
    load="r50bench.engines.torch.load:load",
    evidence="r50bench.engines.evidence.judge:onednn_rule",
    prepare="r50bench.engines.torch.prepare:prepare",
    numerics={"cpu": CPU_NUMERICS, "cuda": CUDA_NUMERICS},
    lacking=_lacking,
    shares_weights=True,
    allocator="faster",
    packages=("torch",),
    int8_packages=("torchao",),
    times_layers=True,
    uses_onednn=True,
    among_peers=True,
    preparation="constants folded and weights reordered when compiled ahead of time (AOTInductor)",
    preparation_on_gpu="batch normalisation folded into the convolutions",
    quantised_by="PyTorch's PT2E",
)
COMPILE = replace(
    AOT,
    name="torch-compile",
    variant="torch.compile",
    load="r50bench.engines.torch.modules:ModuleEngine",
    prepare="r50bench.engines.torch.quantised:quantised",
    among_peers=False,
    preparation="constants folded and weights reordered when compiled (torch.compile)",
    preparation_on_gpu="constants folded when compiled (torch.compile)",
)
EAGER = replace(
    COMPILE,
    name="torch-eager",
    variant="",
    prepare=None,
    evidence="r50bench.engines.torch.evidence:eager_rule",
    # It would emulate int8 in float32.
    numerics={"cpu": CPU_NUMERICS - {"int8"}, "cuda": CUDA_NUMERICS},
    preparation="",
    preparation_on_gpu="",
)
