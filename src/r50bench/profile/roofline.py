"""Where a batch's time goes: each layer's time beside the least it could take; pure arithmetic."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from r50bench.engines.evidence.kernel_log import Primitive
from r50bench.engines.evidence.layer_match import executed_layers, match_layers
from r50bench.errors import EngineError, RunFailed
from r50bench.models.layers import CLASSIFIER, Layer
from r50bench.precision import NUMERICS
from r50bench.results.record import Limit

__all__ = ["Breakdown", "LayerTime", "Roof", "break_down", "group_of", "roof_of_instance"]

_KINDS = {"conv1": "1×1 reduce", "conv3": "1×1 expand", "downsample.0": "1×1 shortcut"}


@dataclass(frozen=True)
class Roof:
    """What one instance's cores do at most: 1e9 operations and 1e9 bytes per second."""

    gop_per_s: float
    gb_per_s: float

    def least_ms(self, gop: float, gb: float) -> tuple[float, str]:
        """Returns the least time for so many operations and bytes, and which of them decides."""
        compute, memory = 1e3 * gop / self.gop_per_s, 1e3 * gb / self.gb_per_s
        return (compute, "compute") if compute >= memory else (memory, "memory")


@dataclass(frozen=True)
class LayerTime:
    """One layer of one batch.

    ``ms`` is the median time of its kernels, ``least_ms`` what the roof allows: the longer of its
    operations at the peak and its bytes, all of them to and from memory, at the bandwidth;
    ``bound`` says which, ``compute`` or ``memory``. What lies in a cache is read faster than that,
    so a layer bound by memory may take less. ``gap_ms`` is the median time from its end to the next
    kernel's start, with what printing the log takes; None for the last one or without time stamps.
    """

    name: str
    group: str
    kernel: str
    gop: float
    gb: float
    ms: float
    least_ms: float
    bound: str
    gap_ms: float | None = None

    @property
    def share(self) -> float:
        """The least time as a share of the time taken."""
        return self.least_ms / self.ms


@dataclass(frozen=True)
class Breakdown:
    """Where the time of one batch of one instance goes, in ms; the layers in order of execution.

    ``batch_ms`` is the median of batches that nothing observed; ``other_kernels_ms`` is spent in
    kernels that are no layer, such as reorders.
    """

    batch_ms: float
    other_kernels_ms: float
    layers: tuple[LayerTime, ...]

    @property
    def least_ms(self) -> float:
        """The sum of the layers' least times, in ms a batch."""
        return sum(layer.least_ms for layer in self.layers)

    @property
    def kernels_ms(self) -> float:
        """The time inside kernels, reorders included, in ms a batch."""
        return self.other_kernels_ms + sum(layer.ms for layer in self.layers)

    @property
    def outside_ms(self) -> float:
        """The time of a batch outside of kernels; noise may make it negative where it is none."""
        return self.batch_ms - self.kernels_ms


def roof_of_instance(limit: Limit, instances: int) -> Roof:
    """Returns an instance's share of what the cores of the whole placement do at most."""
    memory = max(limit.read_gb_per_s, limit.triad_gb_per_s)
    return Roof(limit.gop_per_s / instances, memory / instances)


def group_of(layer: Layer, *, adds: bool) -> str:
    """Returns the kind of a layer in a few words, alike for all blocks.

    ``adds``: its kernel adds the block's other branch to what it computes. Engines differ in which
    of the two branches that is.
    """
    if layer.name == CLASSIFIER:
        return "classifier"
    if layer.kernel == 7:
        return "stem 7×7"
    if layer.kernel == 3:
        return "3×3" if layer.stride == 1 else "3×3, stride 2"
    return _KINDS[layer.name.split(".", 2)[2]] + (" + add" if adds else "")


def break_down(
    logs: Sequence[Sequence[Sequence[Primitive]]],
    batches_ms: Sequence[float],
    roof: Roof,
    *,
    graph: str,
    numerics: str,
    batch_size: int,
) -> Breakdown:
    """Returns where the time goes.

    ``logs`` are the primitives by instance and observed batch, ``batches_ms`` the times of batches
    that were not observed. A kernel's time is the median over the batches, averaged over instances.

    Raises:
        EngineError: the log does not show all layers of the graph.
        RunFailed: two batches ran different kernels.
    """
    first = logs[0][0]
    computed = executed_layers(first, graph, batch_size)
    if computed is None:
        raise EngineError(
            "oneDNN's log does not show all layers: the engine computes some of them otherwise",
            hint="engine torch shows all",
        )
    _refuse_changing(first, logs)
    times = [statistics.mean(_medians(logs, at)) for at in range(len(first))]
    gaps = _gaps(logs)
    names = match_layers(first, computed)
    parts: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        if name is not None:
            parts.setdefault(name, []).append(at)
    by_name = {layer.name: layer for layer in computed}
    number_bytes = NUMERICS[numerics].value_bytes
    found = tuple(
        _layer_time(by_name[name], where, first, times, gaps, roof, number_bytes, batch_size)
        for name, where in parts.items()
    )
    others = sum(time for time, name in zip(times, names, strict=True) if name is None)
    return Breakdown(statistics.median(batches_ms), others, found)


def _layer_time(
    layer: Layer,
    where: Sequence[int],
    primitives: Sequence[Primitive],
    times: Sequence[float],
    gaps: Mapping[int, float],
    roof: Roof,
    number_bytes: int,
    batch_size: int,
) -> LayerTime:
    adds = primitives[where[0]].adds
    gop = 2 * layer.macs_on_picture * batch_size / 1e9
    activations = layer.inputs + layer.outputs * (2 if adds else 1)
    gb = number_bytes * (layer.weights + activations * batch_size) / 1e9
    least, bound = roof.least_ms(gop, gb)
    between = [gaps[at] for at in where if at in gaps]
    return LayerTime(
        name=layer.name,
        group=group_of(layer, adds=adds),
        kernel=primitives[where[0]].implementation,
        gop=gop,
        gb=gb,
        ms=sum(times[at] for at in where),
        least_ms=least,
        bound=bound,
        gap_ms=sum(between) if between else None,
    )


def _medians(logs: Sequence[Sequence[Sequence[Primitive]]], at: int) -> list[float]:
    return [statistics.median(batch[at].ms for batch in instance) for instance in logs]


def _gaps(logs: Sequence[Sequence[Sequence[Primitive]]]) -> dict[int, float]:
    """Returns the time between the end of a primitive and the start of the next, by its index."""
    found: dict[int, list[float]] = {}
    for batch in (batch for instance in logs for batch in instance):
        for at, (one, following) in enumerate(pairwise(batch)):
            if one.start_ms is not None and following.start_ms is not None:
                found.setdefault(at, []).append(following.start_ms - one.start_ms - one.ms)
    return {at: statistics.median(values) for at, values in found.items()}


def _refuse_changing(
    first: Sequence[Primitive], logs: Sequence[Sequence[Sequence[Primitive]]]
) -> None:
    expected = [(one.kind, one.shape) for one in first]
    for batch in (batch for instance in logs for batch in instance):
        if [(one.kind, one.shape) for one in batch] != expected:
            raise RunFailed(
                f"two batches ran different kernels: {len(expected)} and {len(batch)} of them",
                hint="the engine is not warm yet: try again with more --warmup-steps",
            )
