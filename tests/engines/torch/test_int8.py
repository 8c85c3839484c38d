"""A quantised model is kept and read back as it was, and what it answers with it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from r50bench.engines.torch.int8 import quantise, read_quantised, write_quantised

pytestmark = pytest.mark.real_engine


class Small(nn.Module):
    """The kinds of layers that ResNet-50 has, once each."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, kernel_size=7, stride=4, padding=3)
        self.expand = nn.Conv2d(8, 8, kernel_size=1)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.stem(x)
        return self.fc(torch.flatten(self.pool(self.relu(self.expand(x) + x)), 1))


@pytest.fixture(scope="module")
def pictures():
    return torch.randn(3, 3, 224, 224, generator=torch.Generator().manual_seed(7))


@pytest.fixture(scope="module")
def written(pictures):
    torch.manual_seed(7)
    return quantise(Small().eval(), [pictures[:2]])


@pytest.fixture(scope="module")
def folder(written, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantised")
    write_quantised(written, folder)
    return folder


def steps(graph):
    """Every operation with its constants, which the scales of activations are."""
    return [
        (str(node.target), [one for one in node.args if not isinstance(one, torch.fx.Node)])
        for node in graph.graph.nodes
        if node.op == "call_function"
    ]


def test_what_is_read_has_the_operations_and_the_scales_of_what_was_written(written, folder):
    read = steps(read_quantised(folder))
    assert read == steps(written)
    assert sum("quantize_per_channel" in target for target, _ in read) == 3


@pytest.mark.parametrize("size", [1, 3])
def test_batches_of_any_size_are_answered_alike_to_the_last_bit(written, folder, pictures, size):
    with torch.no_grad():
        answers = [module(pictures[:size]) for module in (written, read_quantised(folder))]
    assert torch.equal(*answers)


def test_what_is_kept_is_without_the_weights_in_float32(folder):
    weights = [one for one in read_quantised(folder).state_dict().values() if one.dim() > 1]
    assert [one.dtype for one in weights] == [torch.int8] * 3
