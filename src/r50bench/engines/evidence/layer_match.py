"""Which layer of the graph each primitive of a kernel log computed; what the log proves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from r50bench.engines.base import EngineSpec
from r50bench.engines.evidence.judge import count_kernels, judge
from r50bench.engines.evidence.kernel_log import Primitive, Shape, parse_kernel_log
from r50bench.models.architecture import STEM
from r50bench.models.layers import CLASSIFIER, Layer, layers, operations_per_image
from r50bench.results.record import Evidence

__all__ = ["evidence_of", "executed_gop_per_image", "executed_layers", "match_layers"]

_LAST_OF_BLOCK = ".conv3"


def evidence_of(log: str, spec: EngineSpec) -> Evidence:
    """Returns what the kernel log of one batch proves of the spec, and how much was computed."""
    kernels = count_kernels(log)
    if spec.device == "cuda":
        from r50bench.engines.evidence.cuda_kernels import transforms

        # Their log has no shapes: engines on CUDA run the graph with its strides pulled back.
        computed = layers(spec.graph, pulled_back=True)
        gop = None if transforms(kernels) else operations_per_image(computed) / 1e9
    else:
        gop = executed_gop_per_image(log, spec.graph, spec.batch_size)
    return replace(judge(kernels, spec), gop_per_image=gop)


def executed_gop_per_image(log: str, graph: str, batch_size: int) -> float | None:
    """Returns the operations of one picture that the logged inference did, in 1e9.

    It is 2 × the multiply-accumulates on pixels (:mod:`r50bench.models.layers`) of the layers as
    they ran; None where the log does not show all of them.
    """
    computed = executed_layers(parse_kernel_log(log), graph, batch_size)
    return None if computed is None else operations_per_image(computed) / 1e9


def executed_layers(
    primitives: Sequence[Primitive], graph: str, batch_size: int
) -> tuple[Layer, ...] | None:
    """Returns the graph's layers in the shapes they ran in, None where some did not show.

    v1 runs as published or with its strides pulled back.
    """
    for pulled_back in (False, True):
        candidates = layers(graph, pulled_back=pulled_back)
        matched = match_layers(primitives, candidates)
        images: Counter[str] = Counter()
        for name, primitive in zip(matched, primitives, strict=True):
            if name is not None and primitive.shape is not None:
                images[name] += primitive.shape.images
        if all(images[layer.name] == batch_size for layer in candidates):
            return candidates
    return None


def match_layers(
    primitives: Sequence[Primitive], candidates: Sequence[Layer]
) -> tuple[str | None, ...]:
    """Returns, for each primitive, the name of the layer that it computed, None for others.

    A primitive belongs to a layer of its shape: the one that has had fewest pictures so far, and of
    these the first, so that layers of one shape take turns, also where a batch is worked off in
    parts. The stem may come rearranged into more channels and a smaller kernel; it is the
    convolution that has its output.

    In the first stage the shortcut has the shape of the convolutions it is added to. Where kernels
    of that shape add, the one that does not is taken for the shortcut.
    """
    adding = {_geometry(one.shape) for one in primitives if one.adds and one.shape}
    images: Counter[str] = Counter()
    found: list[str | None] = []
    for primitive in primitives:
        shape = primitive.shape
        fitting = [layer for layer in candidates if _fits(primitive, layer)]
        if shape is None or not fitting:
            found.append(None)
            continue
        told_apart = _geometry(shape) in adding
        best = min(
            fitting,
            key=lambda layer: (
                images[layer.name],
                told_apart and primitive.adds != layer.name.endswith(_LAST_OF_BLOCK),
            ),
        )
        images[best.name] += shape.images
        found.append(best.name)
    return tuple(found)


def _fits(primitive: Primitive, layer: Layer) -> bool:
    shape = primitive.shape
    if shape is None or (layer.name == CLASSIFIER) != (primitive.kind != "convolution"):
        return False
    if layer.name == STEM.name:
        return (shape.channels_out, shape.size_out) == (layer.channels_out, layer.size_out)
    return _geometry(shape) == _geometry(layer)


def _geometry(place: Shape | Layer) -> tuple[int, ...]:
    return (
        place.channels_in,
        place.channels_out,
        place.kernel,
        place.stride,
        place.size_in,
        place.size_out,
    )
