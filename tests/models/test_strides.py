"""Pulling the strides back changes the work, not the answer."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from r50bench.models.resnet50 import build_model
from r50bench.models.strides import pull_strides_back


def flops_and_logits(model):
    generator = torch.Generator().manual_seed(1)
    batch = torch.randn((1, 3, 224, 224), generator=generator)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        logits = model(batch)
    return counter.get_total_flops(), logits


@pytest.mark.parametrize(("graph", "saved"), [("v1", 0.097), ("v1.5", 0.0)])
def test_the_logits_stay_and_the_work_shrinks_where_pixels_go_unread(graph, saved):
    model = build_model(graph, "random:3")
    flops, logits = flops_and_logits(model)
    fewer, same = flops_and_logits(pull_strides_back(copy.deepcopy(model)))
    torch.testing.assert_close(same, logits, rtol=1e-4, atol=1e-4)
    assert 1 - fewer / flops == pytest.approx(saved, abs=5e-4)
