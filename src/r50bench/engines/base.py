"""The face of an engine: float32 batch in, float32 logits out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Engine", "EngineSpec", "Runner"]


@dataclass(frozen=True)
class EngineSpec:
    """Everything a worker needs to load an engine; plain data, sent as JSON.

    ``graph`` is ``v1`` or ``v1.5``; ``state_dict`` the path of the model's state dict as
    :mod:`r50bench.assets.weights` keeps it; ``artifact`` the compiled model of engines that are
    compiled ahead (None for the others); ``threads`` the cores of one instance; ``runners`` how
    many instances share one copy of the weights in this process; ``calibration`` the path of a
    uint8 array (N, 224, 224, 3) RGB for engines that calibrate when they load.
    """

    engine: str
    device: str
    precision: str
    graph: str
    convention: str
    state_dict: str
    batch_size: int
    threads: int
    runners: int = 1
    artifact: str | None = None
    calibration: str | None = None
    script: tuple[int, ...] = ()


class Runner(Protocol):
    """One instance's way into the engine. It is used from one thread only."""

    def prepare(self, batch: Any) -> Any:
        """Takes a float32 array (batch, 3, 224, 224), normalised; returns what ``infer`` takes."""

    def infer(self, prepared: Any) -> Any:
        """Runs one batch and returns when the logits are complete."""

    def logits(self, output: Any) -> Any:
        """Returns an output of ``infer`` as a float32 numpy array (batch, 1000)."""


class Engine(Protocol):
    """A loaded model. Loading happens in a worker whose environment and affinity are already set."""

    name: str
    version: str

    def runner(self, index: int) -> Runner:
        """Returns the way in for instance ``index`` of this process (0 ≤ index < runners)."""

    def close(self) -> None:
        """Releases what the engine holds."""
