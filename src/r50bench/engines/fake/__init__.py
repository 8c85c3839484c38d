"""An engine that computes nothing and takes exactly as long as it is told; for tests."""

from __future__ import annotations

from r50bench.engines.base import CPU_NUMERICS, CUDA_NUMERICS, EngineDescriptor

__all__ = ["DESCRIPTOR"]

DESCRIPTOR = EngineDescriptor(
    name="fake",
    framework="fake",
    query_word="fake",
    load="r50bench.engines.fake.engine:FakeEngine",
    evidence="r50bench.engines.evidence.judge:onednn_rule",
    numerics={"cpu": CPU_NUMERICS, "cuda": CUDA_NUMERICS},
    shares_weights=True,
    times_layers=True,
    uses_onednn=True,
    scripted=True,
)
