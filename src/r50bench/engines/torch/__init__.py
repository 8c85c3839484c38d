"""PyTorch as it ships: compiled ahead by AOTInductor, by torch.compile, or eager."""

from __future__ import annotations

from dataclasses import replace

from r50bench.engines.base import CPU_NUMERICS, EngineDescriptor

__all__ = ["AOT", "COMPILE", "EAGER"]

AOT = EngineDescriptor(
    name="torch",
    framework="PyTorch",
    query_word="pytorch",
    variant="AOTInductor",
    load="r50bench.engines.torch.aot:AotEngine",
    evidence="r50bench.engines.evidence.judge:onednn_rule",
    prepare="r50bench.engines.torch.prepare:prepare",
    numerics={"cpu": CPU_NUMERICS, "cuda": frozenset({"fp32", "bf16"})},
    shares_weights=True,
    allocator="faster",
    packages=("torch",),
    int8_packages=("torchao",),
    times_layers=True,
    uses_onednn=True,
    among_peers=True,
    preparation="constants folded and weights reordered when compiled ahead of time (AOTInductor)",
    quantised_by="PyTorch's PT2E",
)
COMPILE = replace(
    AOT,
    name="torch-compile",
    variant="torch.compile",
    load="r50bench.engines.torch.modules:ModuleEngine",
    prepare=None,
    among_peers=False,
    preparation="constants folded and weights reordered when compiled (torch.compile)",
)
EAGER = replace(
    COMPILE,
    name="torch-eager",
    variant="",
    evidence="r50bench.engines.torch.evidence:eager_rule",
    # It would emulate int8 in float32.
    numerics={"cpu": CPU_NUMERICS - {"int8"}, "cuda": frozenset({"fp32", "bf16"})},
    preparation="",
)
