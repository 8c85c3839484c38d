"""The product on a GPU: each convolution one call, with its bias, the addition and the ReLU in it.

cuDNN computes all of that in one kernel where PyTorch's ``cudnn_convolution_add_relu`` asks it to;
by separate operators, or fused by inductor behind the convolution, every activation is written and
read once more. On an H200 it is twice as fast, and nothing needs to be compiled.
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from r50bench.engines.base import EngineSpec
from r50bench.engines.torch.base import Forward, TorchEngine
from r50bench.engines.torch.recipes import HALF_TYPES, InHalf
from r50bench.models.resnet50 import Bottleneck, ResNet50, build_model
from r50bench.models.strides import pull_strides_back
from r50bench.precision import numerics_of

__all__ = ["FusedEngine", "FusedResNet50"]


class FusedEngine(TorchEngine):
    """Runs :class:`FusedResNet50`, of which every instance has a copy on its GPU."""

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        self.version = f"torch {torch.__version__}, cuDNN {_cudnn_version()}"
        numerics = numerics_of(spec.precision)
        model = FusedResNet50(pull_strides_back(build_model(spec.graph, spec.state_dict)))
        # cuDNN uses tensor cores channels last only, and in IEEE float32 it is faster channels
        # first: either way it would convert what goes in and what comes out.
        self._layout = torch.contiguous_format if numerics == "fp32" else torch.channels_last
        model.to(memory_format=self._layout)
        half = HALF_TYPES.get(numerics)
        self._module = model if half is None else InHalf(model, half)

    def _forward_on(self, device: torch.device) -> Forward:
        module = copy.deepcopy(self._module).to(device)
        layout = self._layout

        def forward(batch: torch.Tensor) -> torch.Tensor:
            with torch.inference_mode():
                logits: torch.Tensor = module(batch.contiguous(memory_format=layout))
            return logits

        return forward


class FusedResNet50(nn.Module):  # type: ignore[misc]
    """The graph of a :class:`.ResNet50`, whose batch-norms are folded into the convolutions."""

    def __init__(self, model: ResNet50) -> None:
        super().__init__()
        self.stem = _Fused(model.conv1, model.bn1)
        self.maxpool = model.maxpool
        rows = (model.layer1, model.layer2, model.layer3, model.layer4)
        self.blocks = nn.Sequential(*(_FusedBlock(block) for row in rows for block in row))
        self.avgpool = model.avgpool
        self.fc = model.fc

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Takes a normalised batch (N, 3, 224, 224) of the weights' type; returns (N, 1000)."""
        x = self.blocks(self.maxpool(self.stem(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class _FusedBlock(nn.Module):  # type: ignore[misc]
    def __init__(self, block: Bottleneck) -> None:
        super().__init__()
        self.reduce = _Fused(block.conv1, block.bn1)
        self.spatial = _Fused(block.conv2, block.bn2)
        self.expand = _Fused(block.conv3, block.bn3)
        self.shortcut = block.downsample
        if isinstance(block.downsample, nn.Sequential):
            self.shortcut = fuse_conv_bn_eval(*block.downsample)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        added = x if self.shortcut is None else self.shortcut(x)
        return self.expand(self.spatial(self.reduce(x)), added)


class _Fused(nn.Module):  # type: ignore[misc]
    """A convolution with its batch-norm, what is added to it, and the ReLU behind."""

    def __init__(self, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        folded = fuse_conv_bn_eval(convolution, norm)
        self.weight, self.bias = folded.weight, folded.bias
        self._where = ([*folded.stride], [*folded.padding], [*folded.dilation], folded.groups)

    def forward(self, x: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        if x.device.type != "cuda":
            y = torch.conv2d(x, self.weight, self.bias, *self._where)
            return torch.relu(y if added is None else y + added)
        if added is None:
            return torch.cudnn_convolution_relu(x, self.weight, self.bias, *self._where)
        return torch.cudnn_convolution_add_relu(x, self.weight, added, 1.0, self.bias, *self._where)


def _cudnn_version() -> str:
    """Returns ``9.19.0`` for cuDNN's own 91900 (of releases from 9 on), or none."""
    number = torch.backends.cudnn.version() or 0
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}" if number else "none"
