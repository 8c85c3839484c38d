"""Where in a checkpoint the state dict is, and what torchvision calls its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from r50bench.models.tensor_file import NotRead
from r50bench.models.torch_file import Foreign

__all__ = ["state_in"]

_KEYS = (
    "state_dict",
    "model",
    "model_state_dict",
    "model_state",
    "net",
    "network",
    "weights",
    "params",
    "module",
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "ema",
)
"""Under which training programs keep the state dict, in the order in which they are taken."""

_DEPTH = 3
_FIRST = "conv1.weight"
_COUNTERS = (".num_batches_tracked", ".total_ops", ".total_params")
_COUNTED = ("n_averaged", "total_ops", "total_params")
"""What training, averaging and profiling leave among the tensors."""

_RENAMED = (
    # transformers' ResNetForImageClassification
    (r"resnet\.embedder\.embedder\.convolution\.", "conv1."),
    (r"resnet\.embedder\.embedder\.normalization\.", "bn1."),
    (
        r"resnet\.encoder\.stages\.([0-3])\.layers\.(\d)\.shortcut\.convolution\.",
        "layer{1}.{2}.downsample.0.",
    ),
    (
        r"resnet\.encoder\.stages\.([0-3])\.layers\.(\d)\.shortcut\.normalization\.",
        "layer{1}.{2}.downsample.1.",
    ),
    (
        r"resnet\.encoder\.stages\.([0-3])\.layers\.(\d)\.layer\.([0-2])\.convolution\.",
        "layer{1}.{2}.conv{3}.",
    ),
    (
        r"resnet\.encoder\.stages\.([0-3])\.layers\.(\d)\.layer\.([0-2])\.normalization\.",
        "layer{1}.{2}.bn{3}.",
    ),
    (r"classifier\.1\.", "fc."),
    # MMPretrain's
    (r"backbone\.", ""),
    (r"head\.fc\.", "fc."),
)
"""Other projects' names, by regular expression, and torchvision's; {1} counts from 1, not 0."""


def state_in(content: Any) -> dict[str, Any]:
    """Returns the tensors of the state dict in ``content``, by torchvision's names.

    ``content`` is what a checkpoint holds, however deep; what else is in it counts for nothing.

    Raises:
        NotRead: there is no state dict, or there are several models in it.
    """
    if isinstance(content, Foreign):
        raise NotRead(f"it holds {content.origin}, not a state dict: save its state_dict() instead")
    if not isinstance(content, Mapping):
        raise NotRead(f"it holds {type(content).__name__}")
    found = _state_below(content, _DEPTH)
    if found is None:
        held = ", ".join(repr(str(key)[:40]) for key in list(content)[:4]) or "nothing"
        inside = next(
            (content[key] for key in _KEYS if isinstance(content.get(key), Foreign)), None
        )
        if inside is not None:
            raise NotRead(f"it holds {inside.origin}, not a state dict: save its state_dict()")
        raise NotRead(f"no tensor {_FIRST} in it; it holds {held}")
    return found


def _state_below(content: Mapping[Any, Any], depth: int) -> dict[str, Any] | None:
    named = {_torchvisions(key): value for key, value in content.items() if isinstance(key, str)}
    prefixes = [name.removesuffix(_FIRST) for name in named if _is_first(name)]
    if prefixes:
        return _behind(named, prefixes)
    for key in _KEYS if depth else ():
        inner = content.get(key)
        if isinstance(inner, Mapping) and (found := _state_below(inner, depth - 1)) is not None:
            return found
    return None


def _is_first(name: str) -> bool:
    """Whether it is the stem: every block has a conv1, too."""
    return re.search(r"(?:^|\.)(?<!\d\.)conv1\.weight$", name) is not None


def _behind(named: Mapping[str, Any], prefixes: list[str]) -> dict[str, Any]:
    """Returns the tensors behind the one prefix that those of the model have."""
    if len(prefixes) > 1:
        raise NotRead(f"there are several models in it: {', '.join(map(repr, prefixes[:3]))}")
    state = {}
    for name, value in named.items():
        inner = name.removeprefix(prefixes[0])
        if not inner.endswith(_COUNTERS) and inner not in _COUNTED and name not in _COUNTED:
            state[inner] = value
    return state


def _torchvisions(name: str) -> str:
    for pattern, replacement in _RENAMED:
        match = re.search(rf"(?:^|\.){pattern}", name)
        if match is not None:
            digits = [str(int(digit) + (place != 1)) for place, digit in enumerate(match.groups())]
            begin = name[: match.start()] + ("." if match.start() else "")
            return begin + replacement.format("", *digits) + name[match.end() :]
    return name
