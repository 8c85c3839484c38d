from __future__ import annotations

import pytest

from r50bench.assets.weights import MACS
from r50bench.models.architecture import GRAPHS
from r50bench.models.layers import CLASSIFIER, Layer, layers, operations_per_image


@pytest.mark.parametrize(("graph", "published_gmac"), [("v1", 3.858), ("v1.5", 4.089)])
def test_the_layers_together_are_the_published_graph(graph, published_gmac):
    found = layers(graph)
    assert len(found) == 54
    assert len({layer.name for layer in found}) == 54
    assert sum(layer.macs for layer in found) == MACS[graph]
    assert MACS[graph] == pytest.approx(published_gmac * 1e9, rel=1e-3)
    assert found[0].name == "conv1"
    assert found[-1].name == CLASSIFIER


def test_strides_pulled_back_spare_v1_a_tenth_and_v1_5_nothing():
    before, after = (sum(layer.macs for layer in layers("v1", pulled_back=p)) for p in (0, 1))
    assert after / before == pytest.approx(1 - 0.0974, abs=1e-4)
    assert layers("v1.5", pulled_back=True) == layers("v1.5")


def test_strides_pulled_back_keep_every_block_s_output():
    def ends(*, pulled_back):
        found = layers("v1", pulled_back=pulled_back)
        return {one.name: one.size_out for one in found if one.name.endswith("0.conv3")}

    assert ends(pulled_back=True) == ends(pulled_back=False)


def by_hand(layer: Layer) -> int:
    padding = layer.kernel // 2
    taps = sum(
        0 <= at * layer.stride - padding + tap < layer.size_in
        for at in range(layer.size_out)
        for tap in range(layer.kernel)
    )
    return layer.channels_in * layer.channels_out * taps**2


@pytest.mark.parametrize("graph", GRAPHS)
def test_taps_on_the_padding_are_not_counted(graph):
    for layer in layers(graph, pulled_back=True):
        assert layer.macs_on_picture == by_hand(layer)
        assert layer.macs_on_picture <= layer.macs
        if layer.kernel == 1:
            assert layer.macs_on_picture == layer.macs
    assert operations_per_image(layers("v1.5")) == 7_896_503_808


def test_a_1x1_kernel_reads_nothing_of_what_it_steps_over():
    named = {layer.name: layer for layer in layers("v1.5")}
    assert named["layer2.0.downsample.0"].inputs == 256 * 28 * 28
    assert named["layer2.0.conv2"].inputs == 128 * 56 * 56
    assert named["layer2.0.conv2"].outputs == 128 * 28 * 28
