"""ResNet-50 as a torch module, v1 and v1.5.

Every activation is a module of its own: PT2E's quantizer refuses one that is called twice.
"""

from __future__ import annotations

import torch
from torch import nn

from r50bench.models.architecture import CLASSES, FEATURES, STEM, Block, Convolution, stages
from r50bench.models.state_dict import load_state_dict

__all__ = ["Bottleneck", "ResNet50", "build_model"]


class Bottleneck(nn.Module):  # type: ignore[misc]
    """Three convolutions and a shortcut, added up before the last ReLU."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        reduce, spatial, expand = block.convolutions
        self.conv1 = _convolution(reduce)
        self.bn1 = nn.BatchNorm2d(reduce.channels_out)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = _convolution(spatial)
        self.bn2 = nn.BatchNorm2d(spatial.channels_out)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = _convolution(expand)
        self.bn3 = nn.BatchNorm2d(expand.channels_out)
        self.relu3 = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if (shortcut := block.shortcut) is not None:
            self.downsample = nn.Sequential(
                _convolution(shortcut), nn.BatchNorm2d(shortcut.channels_out)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Takes and returns (N, channels, size, size)."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu3(out + shortcut)


class ResNet50(nn.Module):  # type: ignore[misc]
    """The graph ``v1`` or ``v1.5``; its state dict has torchvision's names and shapes."""

    def __init__(self, graph: str) -> None:
        super().__init__()
        self.conv1 = _convolution(STEM)
        self.bn1 = nn.BatchNorm2d(STEM.channels_out)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        rows = [nn.Sequential(*(Bottleneck(block) for block in stage)) for stage in stages(graph)]
        self.layer1, self.layer2, self.layer3, self.layer4 = rows
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Takes a normalised batch (N, 3, 224, 224); returns logits (N, 1000)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def build_model(graph: str, state_dict: str) -> ResNet50:
    """Returns the model in eval mode: float32, channels-last, without gradients.

    ``graph`` is ``v1`` or ``v1.5``, ``state_dict`` as :func:`.load_state_dict` takes it.
    """
    tensors = load_state_dict(graph, state_dict)
    with torch.device("meta"):  # no time spent on an initialisation that is overwritten
        model = ResNet50(graph)
    counters = {
        name: torch.zeros((), dtype=torch.long)
        for name in model.state_dict()
        if name not in tensors
    }
    model.load_state_dict({**tensors, **counters}, assign=True)
    model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return model


def _convolution(layer: Convolution) -> nn.Conv2d:
    return nn.Conv2d(
        layer.channels_in,
        layer.channels_out,
        layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        bias=False,
    )
