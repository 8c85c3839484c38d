from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.engines.evidence.kernel_log import Primitive
from r50bench.errors import EngineError, RunFailed
from r50bench.models.layers import CLASSIFIER, Layer, layers
from r50bench.profile.roofline import Roof, break_down, group_of, roof_of_instance
from r50bench.results.record import Limit
from support.primitives import primitive_of

BATCH = 8
ROOF = Roof(gop_per_s=1000, gb_per_s=20)


def primitive(layer: Layer, ms: float = 0.5, start_ms: float | None = None) -> Primitive:
    attributes = "attr-post-ops:sum" if layer.name.endswith(".conv3") else ""
    return primitive_of(layer, BATCH, attributes=attributes, ms=ms, start_ms=start_ms)


def log(ms: float = 0.5, gap_ms: float | None = None) -> tuple[Primitive, ...]:
    step = None if gap_ms is None else ms + gap_ms
    return tuple(
        primitive(layer, ms, None if step is None else 100 + at * step)
        for at, layer in enumerate(layers("v1.5"))
    )


def broken_down(logs, batches_ms=(30.0,), **changes):
    settings = {"graph": "v1.5", "numerics": "int8", "batch_size": BATCH} | changes
    return break_down(logs, batches_ms, ROOF, **settings)


def test_what_is_not_in_a_kernel_is_outside():
    found = broken_down([[log()]], batches_ms=(29.0, 30.0, 35.0))
    assert found.batch_ms == 30
    assert found.kernels_ms == pytest.approx(27)
    assert found.outside_ms == pytest.approx(3)
    assert found.other_kernels_ms == 0
    assert [layer.name for layer in found.layers] == [layer.name for layer in layers("v1.5")]


def test_a_layer_s_least_is_its_operations_at_the_peak():
    layer = next(one for one in broken_down([[log()]]).layers if one.name == "layer3.1.conv2")
    taps = (3 * 14 - 2) ** 2  # the outermost taps of the outermost rows and columns are left out
    operations = 2 * 256 * 256 * taps * BATCH
    assert layer.gop == pytest.approx(operations / 1e9)
    assert layer.least_ms == pytest.approx(operations / 1000e9 * 1e3)
    assert layer.bound == "compute"
    assert layer.share == pytest.approx(layer.least_ms / 0.5)


def test_or_its_bytes_at_the_bandwidth_whichever_takes_longer():
    layer = broken_down([[log()]]).layers[-1]
    assert layer.name == CLASSIFIER
    bytes_moved = 2048 * 1000 + BATCH * (2048 + 1000)
    assert layer.least_ms == pytest.approx(bytes_moved / 20e9 * 1e3)
    assert layer.bound == "memory"
    wide = broken_down([[log()]], numerics="fp32").layers[-1]
    assert wide.least_ms == pytest.approx(4 * layer.least_ms)


def test_a_kernel_s_time_is_the_median_of_its_batches_and_the_mean_of_instances():
    instances = [[log(0.4), log(0.5), log(9.0)], [log(0.7), log(0.7), log(0.6)]]
    found = broken_down(instances)
    assert {round(layer.ms, 9) for layer in found.layers} == {0.6}


def test_kernels_that_are_no_layer_are_counted_apart():
    reorder = Primitive("reorder", "jit:uni", "", None, 0.25, None)
    found = broken_down([[(reorder, *log(), reorder)]])
    assert found.other_kernels_ms == 0.5
    assert found.kernels_ms == pytest.approx(27.5)


def test_gaps_come_from_oneDNN_s_time_stamps():
    found = broken_down([[log(gap_ms=0.05)] * 3])
    assert found.layers[0].gap_ms == pytest.approx(0.05)
    assert found.layers[-1].gap_ms is None
    assert broken_down([[log()]]).layers[0].gap_ms is None


def test_a_batch_in_parts_adds_up_to_its_layers():
    halves = tuple(
        replace(one, shape=replace(one.shape, images=BATCH // 2), ms=0.25) for one in log()
    )
    found = broken_down([[halves + halves]])
    assert {layer.ms for layer in found.layers} == {0.5}
    assert len(found.layers) == 54


def test_a_log_without_all_layers_is_refused():
    with pytest.raises(EngineError, match="does not show all layers"):
        broken_down([[log()[:30]]])


def test_batches_of_different_kernels_are_refused():
    reorder = Primitive("reorder", "jit:uni", "", None, 0.25, None)
    with pytest.raises(RunFailed, match="54 and 55"):
        broken_down([[log(), (*log(), reorder)]])


def test_an_instance_has_its_share_of_the_limit():
    limit = Limit("vpdpbusd_512", 2000, 40, 44, (0, 1), "2026-01-31T12:00:00+00:00")
    assert roof_of_instance(limit, 2) == Roof(1000, 22)


def test_a_kernel_that_adds_reads_what_it_adds():
    found = {layer.name: layer for layer in broken_down([[log()]]).layers}
    assert found["layer1.1.conv3"].gb == (64 * 256 + (64 + 2 * 256) * 56**2 * BATCH) / 1e9
    assert found["layer1.0.downsample.0"].gb == (64 * 256 + (64 + 256) * 56**2 * BATCH) / 1e9


def test_every_layer_has_a_kind():
    graphs = [layer for graph in ("v1", "v1.5") for layer in layers(graph)]
    assert {group_of(layer, adds=False) for layer in graphs} == {
        "stem 7×7",
        "1×1 reduce",
        "3×3",
        "3×3, stride 2",
        "1×1 expand",
        "1×1 shortcut",
        "classifier",
    }
    expand = next(layer for layer in graphs if layer.name == "layer1.0.conv3")
    assert group_of(expand, adds=True) == "1×1 expand + add"
