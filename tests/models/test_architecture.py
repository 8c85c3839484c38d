from __future__ import annotations

import math

import pytest

from r50bench.models.architecture import GRAPHS, stages, tensor_shapes


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_parameters_are_25557032_as_in_torchvision(graph):
    shapes = tensor_shapes(graph)
    counted = [shape for name, shape in shapes.items() if "running" not in name]
    assert sum(math.prod(shape) for shape in counted) == 25_557_032
    assert len(shapes) == 267


def test_v1_and_v15_have_the_same_tensors():
    assert tensor_shapes("v1") == tensor_shapes("v1.5")


@pytest.mark.parametrize(("graph", "strides"), [("v1", [2, 1, 1]), ("v1.5", [1, 2, 1])])
def test_the_graphs_differ_in_where_the_stride_lies(graph, strides):
    for stage in stages(graph)[1:]:
        assert [convolution.stride for convolution in stage[0].convolutions] == strides
        assert stage[0].shortcut is not None
        assert stage[0].shortcut.stride == 2
        assert all(block.stride == 1 and block.shortcut is None for block in stage[1:])


def test_an_unknown_graph_is_refused():
    with pytest.raises(ValueError, match="unknown graph 'v2'"):
        stages("v2")
