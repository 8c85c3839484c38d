"""zentorch, a peer: AMD's plug-in for PyTorch."""

from __future__ import annotations

from r50bench.engines.base import EngineDescriptor

__all__ = ["DESCRIPTOR"]

DESCRIPTOR = EngineDescriptor(
    name="zentorch",
    framework="zentorch",
    query_word="zentorch",
    load="r50bench.engines.zentorch.engine:ZentorchEngine",
    evidence="r50bench.engines.evidence.judge:onednn_rule",
    prepare="r50bench.engines.torch.quantised:quantised",
    numerics={"cpu": frozenset({"fp32", "bf16", "int8"})},
    shares_weights=True,
    allocator="faster",
    packages=("zentorch",),
    int8_packages=("torchao",),
    install="pip install 'zentorch==2.13.*', which is for x86",
    uses_onednn=True,
    among_peers=True,
    quantised_by="PyTorch's PT2E",
)
