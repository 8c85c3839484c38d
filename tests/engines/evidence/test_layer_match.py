from __future__ import annotations

import random

import pytest

from r50bench.engines.evidence.kernel_log import Primitive, Shape
from r50bench.engines.evidence.layer_match import (
    executed_gop_per_image,
    executed_layers,
    match_layers,
)
from r50bench.models.architecture import GRAPHS
from r50bench.models.layers import Layer, layers
from support.primitives import primitive_of


def primitive(layer: Layer, images: int = 8, *, adding: str = ".conv3") -> Primitive:
    adds = bool(adding) and layer.name.endswith(adding)
    attributes = "attr-post-ops:sum+eltwise_relu" if adds else ""
    return primitive_of(layer, images, attributes=attributes)


def shortcut_first(graph: str, *, pulled_back: bool = False) -> list[Layer]:
    """The layers as inductor runs them: the shortcut before the convolution that adds it."""
    found = list(layers(graph, pulled_back=pulled_back))
    for at, layer in enumerate(found):
        if "downsample" in layer.name:
            found[at - 1 : at + 1] = [layer, found[at - 1]]
    return found


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("pulled_back", [False, True])
def test_primitives_are_matched_to_their_layers_in_the_order_they_ran(graph, pulled_back):
    ran = shortcut_first(graph, pulled_back=pulled_back)
    primitives = [primitive(layer) for layer in ran]
    found = match_layers(primitives, layers(graph, pulled_back=pulled_back))
    assert list(found) == [layer.name for layer in ran]


def test_where_nothing_is_added_inside_a_kernel_the_module_s_order_decides():
    ran = layers("v1.5")
    found = match_layers([primitive(layer, adding="") for layer in ran], ran)
    assert list(found) == [layer.name for layer in ran]


def test_an_engine_may_add_in_the_shortcut_s_kernel_instead():
    ran = layers("v1.5")
    primitives = [
        primitive(layer, adding="downsample.0" if ".0." in layer.name else ".conv3")
        for layer in ran
    ]
    found = match_layers(primitives, ran)
    # Those of the first block have one shape and cannot be told apart.
    assert [name for name in found if name not in ("layer1.0.conv3", "layer1.0.downsample.0")] == [
        layer.name for layer in ran if layer.name not in ("layer1.0.conv3", "layer1.0.downsample.0")
    ]
    assert executed_layers(primitives, "v1.5", 8) == ran


def test_a_batch_that_is_worked_off_in_parts_is_matched_part_by_part():
    ran = shortcut_first("v1.5")
    primitives = [primitive(layer, images=2) for _ in range(4) for layer in ran]
    found = match_layers(primitives, layers("v1.5"))
    assert list(found) == [layer.name for layer in ran] * 4
    assert executed_layers(primitives, "v1.5", 8) == layers("v1.5")


def test_a_rearranged_stem_is_the_stem():
    ran = list(layers("v1.5"))
    stem = Primitive("convolution", "brgconv", "", Shape(8, 12, 64, 4, 1, 115, 112), 0.1, None)
    primitives = [stem, *map(primitive, ran[1:])]
    assert match_layers(primitives, ran)[0] == "conv1"
    assert executed_layers(primitives, "v1.5", 8) == tuple(ran)


def test_reorders_belong_to_no_layer():
    reorder = Primitive("reorder", "jit:uni", "", None, 0.5, None)
    ran = layers("v1.5")
    found = match_layers([reorder, *map(primitive, ran)], ran)
    assert found[0] is None
    assert None not in found[1:]


def test_the_shapes_tell_whether_v1_s_strides_were_pulled_back():
    for pulled_back in (False, True):
        ran = layers("v1", pulled_back=pulled_back)
        assert executed_layers([primitive(one) for one in ran], "v1", 8) == ran


def test_a_log_that_lacks_a_layer_gives_no_count():
    ran = [primitive(layer) for layer in layers("v1.5")]
    missing = random.Random(3).randrange(len(ran))
    assert executed_layers(ran[:missing] + ran[missing + 1 :], "v1.5", 8) is None
    assert executed_layers(ran, "v1", 8) is None
    assert executed_layers(ran, "v1.5", 16) is None
    assert executed_gop_per_image("", "v1.5", 8) is None
